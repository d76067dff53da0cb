"""Secrets in configurations of FortiOS devices: what stands behind `ENC`, passwords and keys in the clear, communities.

What the device has encrypted is taken out as well: it can be decrypted by whoever knows the key that all devices of a
series had for years, and it is another text each time it is shown.
"""

from __future__ import annotations

import re
from typing import Final

_KEYS: Final = (
    rb"(?:[\w-]{0,40}(?:passwd|password|passphrase|psksecret|psk|pwd|secret|privkey|api-key|community)[0-9]?"
    rb"|psksecret-remote|key|key-string|keystring|auth-?key|enc-?key|md5-key|authentication-key|ppk-identity)"
)
_VALUE: Final = rb"""(?:"(?:[^"\\\n]|\\.)*"|[^\s"]+)"""
ENCRYPTED: Final = re.compile(rb"(?m)^([^\n]{0,120}?\bset [\w-]{1,60} (?:[\w.-]{1,60} ){0,3}ENC )(" + _VALUE + rb")")
IN_THE_CLEAR: Final = re.compile(rb"(?m)^([^\n]{0,120}?\bset " + _KEYS + rb" )(" + _VALUE + rb")([^\n]*)$")
COMMUNITIES: Final = re.compile(rb"(?ms)^[ \t]*config system snmp community\b.*?^[ \t]*end\b")
NAMED: Final = re.compile(rb"(?m)^([ \t]*set name )(" + _VALUE + rb")")
ANSWERED: Final = re.compile(rb'("' + _KEYS + rb'"\s{0,4}:\s{0,4})("(?:[^"\\\n]|\\.)+")')
SNMP: Final = re.compile(rb'"path"\s{0,4}:\s{0,4}"system\.snmp"')
CALLED: Final = re.compile(rb'("name"\s{0,4}:\s{0,4})("(?!community")(?:[^"\\\n]|\\.)+")')
# Words behind such a key that say how a secret is handled
HANDLING: Final = frozenset(b"enable disable none default optional required ENC psk mschap auto".split())


def marked(text: bytes, mark: bytes) -> bytes:
    """The text with every secret replaced by the mark."""

    def one(hit: re.Match[bytes]) -> bytes:
        value = hit[2].strip(b'"')
        if value in (b"", mark) or value in HANDLING or value.startswith(b"-----BEGIN") or value == b"ENC " + mark:
            return hit[0]
        quote = hit[2][:1] if hit[2][:1] == b'"' else b""
        return hit[1] + quote + mark + quote + (hit[3] if hit.re is IN_THE_CLEAR else b"")

    for pattern in (ENCRYPTED, IN_THE_CLEAR, ANSWERED):
        text = pattern.sub(one, text)
    text = COMMUNITIES.sub(lambda table: NAMED.sub(one, table[0]), text)
    return CALLED.sub(one, text) if SNMP.search(text) else text
