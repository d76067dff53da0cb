"""Outside time-stamps (RFC 3161) over a pack's manifest and in its PDF's signature, from the authority of a setting.

The authority sees a hash and nothing else. It is asked once before the pages are set, so that they can say whether the
pack has its stamps and its certificates can be kept in the only revision, and once for the manifest and the signature.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

SECONDS = 20
LARGEST = 256 << 10  # bytes of an answer
PROBE = b"Eastwest asks whether the authority answers"


class NoStamp(Exception):
    """The authority gave no stamp that holds; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """An authority that answered: pyHanko's client for it, its name and the certificates of its stamps (DER)."""

    client: Any
    name: str
    certificates: tuple[bytes, ...]
    known: bool
    roots: tuple[Any, ...] = ()

    @property
    def said(self) -> str:
        """What the pages say of it."""
        why = "" if self.known else " Its certificate was not compared with any authority known here."
        return f"Over the manifest (manifest.tsr) and in the signature of this PDF, by {self.name} (RFC 3161).{why}"

    @property
    def said_without_pdf(self) -> str:
        """The same of a pack without a PDF."""
        return self.said.replace(" and in the signature of this PDF", "")


def ask(url: str, authority: Path | None) -> tuple[Stamps | None, str]:
    """The authority at `url`, and what the pages say: without one, why there is no stamp. Never raises.

    `authority`: a PEM file with the certificate that its stamps must lead to; None takes any, and says so.
    """
    if not url:
        return None, "None: no authority is named (EASTWEST_TIMESTAMP_URL). The times are this installation's own."
    try:
        stamps = asyncio.run(_asked(url, authority))
    except (NoStamp, OSError, ValueError, http.client.HTTPException) as error:
        return None, (
            f"None: the authority at {urlsplit(url).hostname} gave no stamp that holds ({str(error)[:200]}). "
            "The times are this installation's own."
        )
    return stamps, stamps.said


def stamp(stamps: Stamps, content: bytes) -> bytes:
    """The authority's answer over some content as it came (a .tsr), checked as a reader would. Raises like `_held`."""
    asyncio.run(_held(stamps.client, content, stamps.roots))
    return bytes(stamps.client.answer)


async def _asked(url: str, authority: Path | None) -> Stamps:
    """What one stamp over a text of our own shows of the authority."""
    # Imported here: half a second that web pages and the command line need not pay.
    from asn1crypto import pem, x509
    from pyhanko.sign.timestamps import TimeStamper

    class Client(TimeStamper):  # type: ignore[misc, unused-ignore]
        """pyHanko's client, over the standard library."""

        async def async_request_tsa_response(self, req: Any) -> Any:
            from asn1crypto import tsp

            self.answer = _answer(url, req.dump())
            return tsp.TimeStampResp.load(self.answer, strict=True)

    client: Any = cast(Any, Client)()
    roots = (
        tuple(x509.Certificate.load(der) for _, _, der in pem.unarmor(authority.read_bytes(), multiple=True))
        if authority
        else ()
    )
    found = await _held(client, PROBE, roots)
    kept = tuple(one.dump() for one in (found.signer_cert, *found.other_certs))
    return Stamps(client, found.signer_cert.subject.human_friendly, kept, authority is not None, roots)


async def _held(client: Any, content: bytes, roots: tuple[Any, ...]) -> Any:
    """The certificates of a new stamp over some content, once it holds and leads to one of the roots, where there are
    any. Raises NoStamp, OSError, ValueError and HTTPException."""
    from pyhanko.sign.general import SigningError, extract_certificate_info
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
    from pyhanko_certvalidator import ValidationContext

    try:
        token = await client.async_timestamp(hashlib.sha256(content).digest(), "sha256")
        signed = token["content"]
        context = ValidationContext(trust_roots=list(roots), allow_fetching=False)
        told = await validate_tst_signed_data(signed, context, lambda name: hashlib.new(name, content).digest())
        found = extract_certificate_info(signed)
    except (SigningError, SignatureValidationError, KeyError, TypeError, AttributeError) as error:
        raise NoStamp(f"its answer cannot be read: {error}") from error
    if not (told["valid"] and told["intact"]):
        raise NoStamp("its signature does not hold")
    if roots and told.get("trust_problem_indic") is not None:
        raise NoStamp("its certificate does not lead to the authority of EASTWEST_TIMESTAMP_CA_FILE")
    return found


def _answer(url: str, body: bytes) -> bytes:
    """What the authority says to a request. Raises NoStamp, OSError and HTTPException."""
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise NoStamp("its address is neither http nor https")
    asking = http.client.HTTPConnection(place.hostname, place.port, timeout=SECONDS)
    if place.scheme == "https":
        trusted = ssl.create_default_context()
        asking = http.client.HTTPSConnection(place.hostname, place.port, timeout=SECONDS, context=trusted)
    try:
        heads = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        asking.request("POST", (place.path or "/") + (f"?{place.query}" if place.query else ""), body, heads)
        answer = asking.getresponse()
        said = answer.read(LARGEST + 1)
    finally:
        asking.close()
    if answer.status != 200 or len(said) > LARGEST:
        raise NoStamp(f"it answered with status {answer.status} and {len(said)} bytes")
    return said
