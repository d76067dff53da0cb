"""Secrets in configurations of Junos: hashes and `$9$` texts wherever they stand, and words behind a word for a secret.

Rules are left alone: an object may be called `secret`, and its lines stay readable.
"""

from __future__ import annotations

import re
from typing import Final

# How the device itself writes what it hides: a scheme between dollar signs
HIDDEN: Final = re.compile(rb"\$(?:[0-9a-z]{1,2}|sha1|sha256|sha512)\$[^\s\";{}]+")
_WORDS: Final = (
    rb"(?:encrypted-password|plain-text-password-value|password|passphrase|shared-secret|secret|ascii-text|hexadecimal"
    rb"|authentication-key|privacy-key|authentication-password|privacy-password|simple-password|bind-password"
    rb"|hello-authentication-key|community-name|wpa-psk|pre-shared-secret)"
)
_VALUE: Final = rb"(?!format\b|change-type\b|m(?:in|ax)imum-)(\"[^\"\n]*\"|[^\s;{}\"]+)"
# With braces: the word begins its statement (behind a server's address at most) and the secret ends it
_BRACES: Final = re.compile(
    rb"(?m)^([ \t]*(?:[0-9a-fA-F.:]+ |pre-shared-key )?" + _WORDS + rb"[ \t]+)" + _VALUE + rb"(?=[ \t]*;)"
)
_OBJECTS: Final = rb"(?:security (?:policies|address-book|zones|nat)|firewall|applications|policy-options|schedulers)"
_SET: Final = re.compile(
    rb"(?m)^([ \t]*set (?!(?:groups \S+ |logical-systems \S+ )?" + _OBJECTS + rb" )[^\n]{0,300}? " + _WORDS
    + rb"[ \t]+)(?![0-9]{1,3} )" + _VALUE
)  # fmt: skip
_COMMUNITY_SET: Final = re.compile(rb"(?m)^([ \t]*set (?:[^\n\"]{0,100} )?snmp community )(\"[^\"\n]*\"|\S+)")
_SNMP: Final = re.compile(rb"(?m)^([ \t]*)snmp \{[^\n]*\n")
_COMMUNITY: Final = re.compile(rb"(?m)^([ \t]*community )(\"[^\"\n]*\"|[^\s;{}\"]+)(?=[ \t]*[;{])")


def marked(text: bytes, mark: bytes) -> bytes:
    """The text with every secret replaced by the mark."""

    def value(hit: re.Match[bytes]) -> bytes:
        if mark in hit[2]:
            return hit[0]
        quote = b'"' if hit[2].startswith(b'"') else b""
        return hit[1] + quote + mark + quote

    text = HIDDEN.sub(mark, text)
    for pattern in (_BRACES, _SET, _COMMUNITY_SET):
        text = pattern.sub(value, text)
    parts, at = [], 0
    unclosed: set[bytes] = set()
    for begin in _SNMP.finditer(text):
        if begin.start() < at or begin[1] in unclosed:
            continue
        end = text.find(b"\n" + begin[1] + b"}", begin.end() - 1)
        if end < 0:
            unclosed.add(begin[1])
        else:
            parts += [text[at : begin.end()], _COMMUNITY.sub(value, text[begin.end() : end])]
            at = end
    return b"".join((*parts, text[at:]))
