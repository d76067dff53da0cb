"""Secrets within answers of EC2: the configuration of VPN connections, which is given with its shared keys."""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = rb'"(?:[^"\\\n]|\\.)*"'
_SECRET: Final = re.compile(
    rb'("(?:CustomerGatewayConfiguration|PreSharedKey|SharedSecret)"\s{0,8}:\s{0,8})(' + _TEXT + rb")"
)
WORDS: Final = (b"CustomerGatewayConfiguration", b"PreSharedKey", b"SharedSecret")


def marked(content: bytes, mark: bytes) -> bytes:
    """The answer with each of these values replaced by the mark; an empty one, and what is marked already, stay."""
    if not any(word in content for word in WORDS):
        return content
    plain = (b'""', b'"' + mark + b'"')
    return _SECRET.sub(lambda hit: hit[0] if hit[2] in plain else hit[1] + b'"' + mark + b'"', content)
