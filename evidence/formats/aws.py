"""AWS: the JSON answers of the EC2 describe calls of one account at one moment (evidence/formats/aws_answers.py)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evidence.formats.aws_answers import ENTRIES, FABRIC, IDS, MORE, ROUTES, Answers
from evidence.rules import Artefact, Reading

NAME = FABRIC
KEY = re.compile(r'"([A-Za-z]{3,40})"\s*:\s*\[')


def sniff(head: bytes, name: str) -> float:
    """By the first lists of the object: the names of EC2 answers."""
    start = head[:4096].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not start.startswith("{"):
        return 0.0
    keys = KEY.findall(head.decode("utf-8", "replace"))[:1]
    if keys and keys[0] in IDS:
        return 0.95
    if keys == [ROUTES] and (MORE in start or '"TransitGatewayAttachments"' in start):
        return 0.8
    return 0.8 if keys == [ENTRIES] and '"Cidr"' in start else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """All answers of one account at one moment. Raises FormatError where one is none."""
    return Answers.of(artefacts).reading()
