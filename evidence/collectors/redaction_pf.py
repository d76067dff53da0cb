"""Secrets in the config.xml of pfSense and OPNsense: the text of elements that hold passwords, hashes and keys."""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = (
    rb"[\w-]{0,40}(?:password|passwd|passwordagain|secret|-hash|bindpw|passphrase|psk|preshared-?key|pre-shared-key"
    rb"|community|apikey|api_key|privkey|privatekey|private_key|token)|prv|tls|shared_key|static_key|auth_pass|key|pass"
    rb"|authorizedkeys|crypto_pass|ddnsdomainkey|domainkey"
)
ELEMENT: Final = re.compile(
    rb"(?i)(<(" + NAMES + rb")(?: [^<>]{0,80})?>)((?:<!\[CDATA\[[^\]]{0,20000}\]\]>|[^<]{1,20000}){1,8})(</)"
)
# Words that say how a secret is handled, or that a thing called so is switched on
HANDLING: Final = frozenset(b"0 1 yes no on enabled disabled any pass none".split())


def marked(text: bytes, mark: bytes) -> bytes:
    """The text with every secret replaced by the mark; a rule may pass, and blanks stay."""

    def one(hit: re.Match[bytes]) -> bytes:
        value = hit[3].strip()
        return hit[0] if not value or value == mark or value.lower() in HANDLING else hit[1] + mark + hit[4]

    return ELEMENT.sub(one, text)
