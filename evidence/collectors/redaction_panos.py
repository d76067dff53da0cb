"""Secrets in configurations of PAN-OS: password hashes, keys, communities, and whatever its master key encrypted.

In XML they are the text of elements of certain names, in `set` lines and with braces the word behind such a name;
values that the device encrypted itself begin alike wherever they stand. Rules and objects are left alone, whatever they
are called: with braces an object begins a block, and a rule names what it asks before it says what.
"""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = (
    rb"(?:phash|password|passphrase|passwd|private-key|auth-password|priv-password|authpwd|privpwd|auth-key|secret"
    rb"|snmp-community-string|community-string|bind-password|api-key|apikey|client-secret|shared-secret|key-value"
    rb"|preshared-key|pre-shared-key|agent-user-override-key|uninstall-password|auth-pwd|priv-pwd|md5-key|authcode)"
)
ELEMENT: Final = re.compile(rb"(<(" + NAMES + rb")(?:\s[^<>]*)?>)([^<>]+)(</\2>)")
KEY: Final = re.compile(rb"(<(?:pre-shared-key|local-auth|peer-auth)>\s*<key>)([^<>]+)(</key>)")
ENCRYPTED: Final = re.compile(rb"-A[A-Q]==[A-Za-z0-9+/=]{8,}")
LINE: Final = re.compile(rb"(?m)^set [^\n]*$")
OF_RULES: Final = re.compile(
    rb"^set (?:config )?(?:devices \S+ )?(?:vsys \S+ |device-group (?:\"[^\"\n]*\"|\S+) |shared |panorama )?"
    rb"(?:(?:pre-|post-)?rulebase|address|address-group|service|service-group|application|application-group|tag|zone) "
)
WORD: Final = re.compile(rb"((?<= )(?:pre-shared-key key|" + NAMES + rb") )(?!key )(\"[^\"\n]+\"|[^\s\[\]]+)")
# With braces: `phash …;`, and `pre-shared-key {` with `key …;` below it
BRACES: Final = re.compile(rb"(?m)^([ \t]*" + NAMES + rb" )(\"[^\"\n]+\"|[^\s\[\]{}\"]+)(;[ \t]*\r?)$")
BRACES_KEY: Final = re.compile(rb"((?:pre-shared-key|local-auth|peer-auth) \{\s*key )([^\n]+)(;[ \t]*\r?\n)")


def marked(text: bytes, mark: bytes) -> bytes:
    """The text with every secret replaced by the mark."""
    text = ELEMENT.sub(lambda hit: hit[1] + mark + hit[4], text)
    text = KEY.sub(lambda hit: hit[1] + mark + hit[3], text)
    text = BRACES.sub(lambda hit: hit[1] + mark + hit[3], text)
    text = BRACES_KEY.sub(lambda hit: hit[1] + mark + hit[3], text)
    text = ENCRYPTED.sub(lambda hit: mark, text)
    return LINE.sub(lambda hit: _line(hit[0], mark), text)


def _line(line: bytes, mark: bytes) -> bytes:
    if OF_RULES.match(line):
        return line
    return WORD.sub(lambda hit: hit[1] + mark, line)
