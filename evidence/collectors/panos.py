"""A Palo Alto firewall or Panorama over its XML API: its active configuration whole, what Panorama pushed to it, and
how often its rules were met.

The key goes in a header. A configuration counts when its XML closes and the account sees the device itself, not one
virtual system alone. What was pushed stands in no configuration of a firewall: it is asked for by virtual system, as
the device answers for the first one where none is named. So are the counters of rules, which are kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from xml.parsers import expat

from evidence.collectors import device_https
from evidence.collectors.collected import Collected, PullError, Step
from evidence.collectors.device_https import KNOW, Device
from evidence.collectors.https import Answer
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

ROLE: Final = "Give its role the rights of docs/sources/panos.md."
STEPS: Final = (
    KNOW, "Sign in and ask for its configuration", "See the whole device", "Ask for the counters of its rules",
)  # fmt: skip
CONFIGURATION: Final = "/api/?type=config&action=show"
COUNTED: Final = (
    "<show><rule-hit-count><vsys><vsys-name><entry name='{}'><rule-base><entry name='security'><rules><all/></rules>"
    "</entry></rule-base></entry></vsys-name></vsys></rule-hit-count></show>"
)
GIVEN: Final = "<show><config><pushed-shared-policy>{}</pushed-shared-policy></config></show>"
HOLDS: Final = re.compile(rb"<policy\b(?![^>]*/>)")
NOT_GIVEN: Final = frozenset({ErrorCode.PERMISSION, ErrorCode.PARSE})  # no right to it, or nothing this device knows
VSYS: Final = re.compile(r"[A-Za-z0-9_.-]{1,31}")
HEAD: Final = 4096
SAYS: Final = re.compile(rb"<response\b[^>]*\bstatus\s*=\s*[\"'](\w+)[\"'][^>]*>")
CODE: Final = re.compile(rb"<response\b[^>]*\bcode\s*=\s*[\"'](\d{1,4})[\"']")
NOT_THE_KEY: Final = re.compile(rb"(?i)invalid credential|api key|session (?:timed out|expired)|not authenticated")
NOT_ALLOWED: Final = frozenset({b"16", b"403"})
NOT_SIGNED_IN: Final = frozenset({b"22"})
# What an administrator of one virtual system alone does not see
OF_THE_DEVICE: Final = frozenset({"deviceconfig", "mgt-config"})


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """The active configuration of `config["host"]`, by the key `secret`; the counters of its rules beside it.

    Raises PullError.
    """
    asked = device(config, secret, deadline)
    body, observed = configuration(asked), datetime.now(UTC)
    seen = outline(body, asked.host)
    given, unsaid = pushed(asked, seen.systems)
    beside = () if seen.device else ("what stands beside its virtual systems (the account sees these alone)",)
    name = f"{asked.host.replace(':', '-')}.xml"
    own = Artefact(name, body, f"GET {CONFIGURATION}", observed)
    return Collected(
        (own, *given), cursor="", complete=not beside, missing=(*beside, *unsaid), whole=True,
        beside=tuple(one for vsys in seen.systems for one in counters(asked, vsys)),
    )  # fmt: skip


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Know it, sign in and ask for its configuration, ask for its counters: each step with its outcome."""
    return device_https.tried(STEPS, trying(config, secret, deadline))


def trying(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Iterator[str]:
    """Does these steps, and says of each what came of it. Raises PullError."""
    asked = device(config, secret, deadline)
    yield asked.known()
    body = configuration(asked)
    yield f"{len(body)} bytes, to their end."
    seen = outline(body, asked.host)
    if not seen.device:
        raise PullError(ErrorCode.PERMISSION, "The account sees virtual systems alone.", ROLE)
    yield f"Virtual systems: {', '.join(seen.systems) or 'none (Panorama)'}."
    counted = [vsys for vsys in seen.systems if counters(asked, vsys)]
    yield device_https.of_counters(bool(counted), "rule")


def device(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Device:
    """The device, with its key in the header that its interface takes."""
    return device_https.device(config, secret, header="X-PAN-KEY", deadline=deadline, role=ROLE)


def configuration(asked: Device) -> bytes:
    """The active configuration, whole: its XML closes. Raises PullError."""
    answer = asked.get(CONFIGURATION)
    refuse(answer, asked, "its configuration")
    if not answer.body.rstrip().endswith(b"</response>"):
        what = f"The configuration of {asked.host} was cut short: its XML does not close."
        raise PullError(ErrorCode.TRUNCATED, what, "It is read again.")
    return answer.body


def pushed(asked: Device, systems: Sequence[str]) -> tuple[list[Artefact], list[str]]:
    """What Panorama pushed to a firewall (the rules by virtual system, and what they share), and what of it the device
    does not show to this account.

    Raises PullError where an answer was begun and did not come whole.
    """
    several = [vsys for vsys in systems if VSYS.fullmatch(vsys)] if len(systems) > 1 else []
    found, unsaid = [], []
    for vsys in ("", *several) if systems else ():
        path = f"/api/?type=op&cmd={quote(GIVEN.format(f'<vsys>{vsys}</vsys>' if vsys else ''))}"
        try:
            answer, observed = asked.get(path), datetime.now(UTC)
            refuse(answer, asked, "what Panorama pushed to it")
        except PullError as error:
            if error.code not in NOT_GIVEN:
                raise
            unsaid.append(f"what Panorama pushed to {vsys or 'it'} (the account may not ask)")
            continue
        if not answer.body.rstrip().endswith(b"</response>"):
            what = f"What Panorama pushed to {asked.host} was cut short: its XML does not close."
            raise PullError(ErrorCode.TRUNCATED, what, "It is read again.")
        if HOLDS.search(answer.body):
            said = f"show config pushed-shared-policy {vsys}".strip()
            found.append(Artefact(f"{vsys or 'all'}--pushed.xml", answer.body, said, observed))
    return found, unsaid


def counters(asked: Device, vsys: str) -> list[Artefact]:
    """How often each rule of a virtual system was met; [] where that is not shown: no part of what must come whole."""
    if not VSYS.fullmatch(vsys):
        return []
    path = f"/api/?type=op&cmd={quote(COUNTED.format(vsys))}"
    try:
        answer, observed = asked.get(path), datetime.now(UTC)
        refuse(answer, asked, "its counters")
    except PullError:
        return []
    if not answer.body.rstrip().endswith(b"</response>"):
        return []
    return [Artefact(f"{vsys}--hits.xml", answer.body, f"show rule-hit-count {vsys}", observed)]


def refuse(answer: Answer, asked: Device, what: str) -> None:
    """Raises PullError unless it says success: in its status, and in the words of its answer."""
    head = answer.body[:HEAD]
    says, code = SAYS.search(head), CODE.search(head)
    wrong_key = NOT_THE_KEY.search(head) or (code and code[1] in NOT_SIGNED_IN)
    if answer.status in (200, 401, 403) and says and says[1] != b"success":
        if wrong_key:
            look = "Generate a key for the account anew, and set it as the secret."
            raise PullError(ErrorCode.AUTH, f"{asked.host} does not take the key.", look)
        if answer.status != 200 or (code and code[1] in NOT_ALLOWED):
            raise PullError(ErrorCode.PERMISSION, f"{asked.host} does not let the key read {what}.", asked.role)
        said = f" (code {code[1].decode()})" if code else ""
        raise PullError(ErrorCode.PARSE, f"{asked.host} could not give {what}{said}.", "Look at its system log.")
    device_https.refuse(answer, asked, what)
    if says is None:
        look = "Look whether a Palo Alto device answers there, and not a page to sign in on."
        raise PullError(ErrorCode.PARSE, f"What {asked.host} says is no answer of its XML API.", look)


class Foreign(Exception):
    """XML that no such device writes."""


class Outline:
    """What a configuration shows of the device: its virtual systems, and whether the device itself is in it."""

    def __init__(self) -> None:
        self.systems: list[str] = []
        self.device = False
        self._path: list[str] = []

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        """An element begins."""
        if tag in OF_THE_DEVICE:
            self.device = True
        # config / devices / entry / vsys / entry: wherever the answer begins
        if tag == "entry" and self._path[-4:] == ["config", "devices", "entry", "vsys"]:
            self.systems.append(attrs.get("name", ""))
        self._path.append(tag)

    def end(self, tag: str) -> None:
        """It ends."""
        self._path.pop()

    def doctype(self, *_: object) -> None:
        """No device declares one, and whoever does may bring entities without end."""
        raise Foreign


def outline(body: bytes, host: str) -> Outline:
    """What stands in a configuration. Raises PullError where it is no XML; or declares a document type."""
    found = Outline()
    parser = expat.ParserCreate("utf-8")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = found.doctype
    parser.StartElementHandler, parser.EndElementHandler = found.start, found.end
    try:
        parser.Parse(body, True)
    except Foreign:
        what = f"What {host} gives as its configuration declares a document type."
        raise PullError(ErrorCode.PARSE, what, "Look what answers there: no such device does.") from None
    except expat.ExpatError as error:
        what = f"What {host} gives as its configuration is no XML (line {error.lineno})."
        raise PullError(ErrorCode.TRUNCATED, what, "It is read again; look at what answers there.") from None
    return found
