"""Secrets that stand in what a host shows are taken out before anything is kept: what is hashed is what is kept.

What is taken out is replaced by one mark that tells nothing about it, so that the text stays readable by its format,
and two readings of the same rules stay the same. Whose secrets are looked for depends on the format: a word such as
`password` in a rule's name is not one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from evidence.collectors import redaction_aws, redaction_fortios, redaction_junos, redaction_panos, redaction_pf
from evidence.collectors.redaction_cisco import marked
from evidence.formats import aws, fortios, fortios_rest, junos, panos, pf_config
from evidence.formats.cisco_kind import kind
from evidence.formats.table import HEAD, SURE
from evidence.rules import Artefact

MARK: Final = b"[redacted]"
Redact = Callable[[bytes], bytes]

_VALUE: Final = rb"""(?:"[^"\n]*"|'[^'\n]*'|[^\s"',;)\]}\\]+)"""
# name=value or name: value, as options of commands, mounts and modules write it
_NAMED: Final = re.compile(
    rb"(?i)(?<![a-z0-9])((?:[a-z0-9.]{1,20}[._-])?(?:password|passwd|passphrase|pwd|secret|psk|community|api[_-]?key|token)"
    rb"[\"']?\s{0,3}[=:]\s{0,3})(" + _VALUE + rb")"
)
_IN_ADDRESS: Final = re.compile(rb"(?i)\b([a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,64}:)([^\s/@\"']{1,256})(?=@)")
_OPTION: Final = re.compile(rb"(?i)(\s--?(?:password|passwd|pass|secret|psk|token)[ =])(" + _VALUE + rb")")
_KEY: Final = re.compile(rb"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(rb"-----END ")
_LONGEST_KEY: Final = 20_000  # bytes
# smb.conf: parameters whose value is a secret; all others that speak of passwords say how they are handled
_SMB: Final = re.compile(
    rb"(?im)^([ \t]*(?:ldap admin password|machine password|secret|.*\bpreshared key|wins? secret|"
    rb"[a-z0-9 _-]{0,40}:[a-z0-9 _-]{0,40}(?:password|secret|token|key))[ \t]*=[ \t]*)(\S[^\n]*)"
)
# rsyslog: the same word for word, its modules by name=value, and the old lines for databases and SNMP
_RSYSLOG_LINE: Final = re.compile(
    rb"(?im)^([ \t]*\$(?:action\w{0,40}(?:password|pwd|community|secret)|snmp\w{0,40}community)[ \t]+)(\S[^\n]*)"
)
_RSYSLOG_DATABASE: Final = re.compile(rb"(?im)(:om(?:my|pg)sql:[^,\n]{1,200},[^,\n]{1,200},[^,\n]{1,200},)([^;\n]+)")
# what stands in a rule's comment, where people put anything
_COMMENT: Final = re.compile(rb"""(--comment |"comment": ?|\bcomment (?="))("(?:[^"\\\n]|\\.)*"|\S+)""")


def _mark(pattern: re.Pattern[bytes]) -> Redact:
    """The second group of every hit becomes the mark; what is marked already, and quotation marks, stay."""

    def one(hit: re.Match[bytes]) -> bytes:
        value, rest = hit[2], b"".join(part or b"" for part in hit.groups()[2:])
        if value.strip(b"\"'") in (b"", MARK, MARK[:-1]):
            return hit[0]
        quote = value[:1] if value[:1] in (b'"', b"'") else b""
        return hit[1] + quote + MARK + quote + rest

    return lambda text: pattern.sub(one, text)


_named, _address, _option = _mark(_NAMED), _mark(_IN_ADDRESS), _mark(_OPTION)
_smb, _line, _database = _mark(_SMB), _mark(_RSYSLOG_LINE), _mark(_RSYSLOG_DATABASE)


def _keys(text: bytes) -> bytes:
    """What stands between the first and last line of a private key."""
    parts, at = [], 0
    ends = [hit.start() for hit in _KEY_ENDS.finditer(text)]
    for hit in _KEY.finditer(text):
        place = bisect_left(ends, hit.end())
        if hit.start() < at or place == len(ends) or ends[place] - hit.end() > _LONGEST_KEY:
            continue
        parts += [text[at : hit.end()], MARK]
        at = ends[place]
    return b"".join((*parts, text[at:]))


def _comments(text: bytes) -> bytes:
    """Only within comments: the rest of a rule has no place for a secret."""
    return _COMMENT.sub(lambda hit: hit[1] + _address(_named(hit[2])), text) if b"comment" in text else text


def _samba(text: bytes) -> bytes:
    return _option(_address(_smb(text)))


def _rsyslog(text: bytes) -> bytes:
    return _database(_line(_named(_address(text))))


def _cisco(text: bytes) -> bytes:
    return marked(text, MARK)


def _words(text: bytes) -> bytes:
    return _option(_named(_address(text)))


# The first whose pattern fits the artefact's name or command; a whole private key is taken out of everything.
FORMATS: Final[tuple[tuple[re.Pattern[str], Redact], ...]] = (
    (re.compile(r"tables|nft|ipset"), _comments),
    (re.compile(r"testparm|smb\.conf|usershare"), _samba),
    (re.compile(r"rsyslog"), _rsyslog),
    (re.compile(r"journal|mounts|exports|etab|snmp|sshd|history\.log|\.conf$"), _words),
)
SYSLOG_WORDS: Final = (b"omfwd", b"imuxsock", b"omusrmsg", b"$ActionQueue", b"module(load=")
SAMBA_WORDS: Final = (b"[global]", b"# Global parameters")


def redacted(artefact: Artefact) -> Artefact:
    """The artefact without the secrets that its format is known to carry. Counted by `spans`."""
    content = artefact.content
    if b"PRIVATE KEY" in content:
        content = _keys(content)
    if kind(content[:HEAD]):  # and by its name as well: a file of a host may hold a line that looks like a device's
        content = _cisco(content)
    if panos.sniff(content[:HEAD], ""):
        content = redaction_panos.marked(content, MARK)
    head = content[:HEAD]
    if fortios.sniff(head, artefact.name) or fortios_rest.sniff(head, artefact.name):
        content = redaction_fortios.marked(content, MARK)
    if junos.sniff(content[:HEAD], artefact.name) >= SURE:
        content = redaction_junos.marked(content, MARK)
    if aws.sniff(head, artefact.name):
        content = redaction_aws.marked(content, MARK)
    if pf_config.sniff(head, artefact.name):
        content = redaction_pf.marked(content, MARK)
    redact = _by_name(artefact) or _by_content(content)
    if redact is not None:
        content = redact(content)
    if content == artefact.content:
        return artefact
    return Artefact(artefact.name, content, artefact.command, artefact.observed_at)


def spans(content: bytes) -> int:
    """How many secrets were taken out of it."""
    return content.count(MARK)


def _by_name(artefact: Artefact) -> Redact | None:
    named = f"{artefact.name.lower()} {artefact.command.lower()}"
    return next((redact for pattern, redact in FORMATS if pattern.search(named)), None)


def _by_content(content: bytes) -> Redact | None:
    """A file that a person named freely: told by its beginning."""
    head = content[:65536]
    if b"\n*filter" in head or b'{"nftables"' in head or head.startswith(b"*filter"):
        return _comments
    if any(word in head for word in SAMBA_WORDS):
        return _samba
    return _rsyslog if any(word in head for word in SYSLOG_WORDS) else None
