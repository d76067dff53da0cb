"""Secrets in configurations of Cisco devices: the word behind `password`, `secret`, `community`, `key` and their like.

Lines of lists, remarks and descriptions are left alone: a list may be called `secret`, and its rules stay readable.
"""

from __future__ import annotations

import re
from typing import Final

BEFORE: Final = frozenset(
    b"password passwd secret community key-string pre-shared-key authentication-key key ldap-login-password wpa-psk "
    b"shared-secret md5 sha auth-key message-digest-key key-hash des 3des aes passphrase cipher-key-string".split()
)
# How a secret is kept, between the word for it and the secret itself
KINDS: Final = frozenset(b"encrypted ascii hex sha256 sha512 scrypt md5 sha local remote clear hmac-sha-256".split())
NOT_HERE: Final = frozenset(
    b"! remark description access-list permit deny aaa no service security object object-group route-map set match "
    b"ip ipv6 interface class-map policy-map hostname logging banner name version".split()
)
HERE_AFTER_ALL: Final = (
    b"ip ospf ",
    b"ip http client ",
    b"ip ftp ",
    b"ip rsvp ",
    b"ip nhrp ",
    b"ip scp ",
    b"ipv6 ospf ",
)
MOST_BETWEEN: Final = 6  # words between the word for a secret and the secret
TRAP: Final = frozenset(b"traps informs trap poll version 1 2c 3 auth noauth priv udp-port vrf community host".split())
WORD: Final = re.compile(rb"\S+")
LINE: Final = re.compile(
    rb"(?im)^[^\n]*(?:passw|secret|community|key|md5|sha|psk|passphrase|snmp-server (?:host|user))[^\n]*$"
)


def marked(text: bytes, mark: bytes) -> bytes:
    """The text with every secret replaced by the mark."""
    return LINE.sub(lambda hit: _line(hit[0], mark), text)


def _line(line: bytes, mark: bytes) -> bytes:
    words = list(WORD.finditer(line))
    first = words[0][0].lower() if words else b""
    stripped = line.strip()
    if (first in NOT_HERE or first.isdigit()) and not stripped.startswith(HERE_AFTER_ALL):
        return line
    told = [word[0].lower() for word in words]
    places = set(_trap(told) if told[:2] == [b"snmp-server", b"host"] else _behind(told))
    if told[:1] == [b"snmp-server"] and told[1:2] not in ([b"community"], [b"host"], [b"user"]):
        return line
    parts, at = [], 0
    for place in sorted(places):
        if words[place][0] != mark and words[place][0].strip(b"*"):  # stars: the device hid it itself
            parts += [line[at : words[place].start()], mark]
            at = words[place].end()
    return b"".join((*parts, line[at:]))


def _behind(told: list[bytes]) -> list[int]:
    """Where secrets stand: behind a word for one and how it is kept."""
    found = []
    for place, word in enumerate(told):
        if word not in BEFORE:
            continue
        at = place + 1
        while at + 1 < min(len(told), place + MOST_BETWEEN) and (
            told[at] in KINDS or told[at] in BEFORE or (told[at].isdigit() and len(told[at]) < 4)
        ):
            at += 1
        alone = word == b"key" and place == len(told) - 2 and told[-1].isdigit() and len(told[-1]) < 4
        if at < len(told) and not alone and told[at] not in {b"cryptochecksum", b"recovery", b"chain"}:
            found.append(at)
    return found


def _trap(told: list[bytes]) -> list[int]:
    """`snmp-server host 10.0.0.1 version 2c WORD`: the first word behind the address that is none of the command's."""
    if b"community" in told:
        return _behind(told)
    at = 3 if len(told) > 3 and (b"." in told[2] or b":" in told[2]) else 4
    while at < len(told) and (told[at] in TRAP or told[at].isdigit()):
        at += 1
    return [at] if at < len(told) else []
