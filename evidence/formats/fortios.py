"""The configuration of a FortiOS device (FortiGate): a backup, `show`, `show full-configuration`, or a part of it.

Policies are asked in the order of the file, not of their numbers, and end with a deny. They name interfaces or zones on
both sides, so no list has to be attached. With virtual domains each has policies and objects of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evidence.formats.cursor import Account, lines_of
from evidence.formats.fortios_tables import Configuration
from evidence.formats.fortios_text import Reader
from evidence.rules import Artefact, FormatError, Reading

NAME = "fortios"
HEADER = re.compile(rb"^(?:\xef\xbb\xbf)?\s*#config-version=", re.MULTILINE)
BEGINS = re.compile(
    rb"^[ \t]*(?:[\w.-]{1,64}(?: \([^()\n]{1,80}\))? [#$] )?config (?:vdom|global|system [a-z]|firewall [a-zD]|router "
    rb"[a-z]|vpn [a-z]|user [a-z]|log [a-z])[^{};\n]*$",
    re.MULTILINE,
)
EDITS = re.compile(rb"^[ \t]*(?:[^\n#$]{1,160} [#$] )?(?:edit|set|end|next)\b", re.MULTILINE)
AGAIN = "Give one file for each device."


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    if HEADER.search(head[:4096]):
        return 0.95
    return 0.9 if BEGINS.search(head) and EDITS.search(head) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device. Raises FormatError when a configuration is cut off."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, AGAIN)
    artefact = artefacts[0]
    lines = lines_of(artefact)
    account = Account(artefact, len(lines))
    tree = Reader(artefact.name, lines).tree
    for number in tree.around:
        account.ignore(number)
    for number in tree.framed:
        account.consume(number)
    for line in tree.loose:
        account.fail(line.number, line.text.strip(), "it stands in no table that is known, or is no command")
    return Configuration(tree, account, whole=HEADER.search(artefact.content[:4096]) is not None).reading(NAME)
