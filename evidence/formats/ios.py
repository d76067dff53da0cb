"""The configuration of a Cisco router or switch with IOS or IOS XE: `show running-config`, or a part of it.

What its lines mean stands in ios_configuration.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.formats import ios_device
from evidence.formats.cisco_kind import kind
from evidence.formats.ios_configuration import Configuration
from evidence.rules import Artefact, FormatError, Reading

NAME = "cisco-ios"


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a configuration: 0..1."""
    return 0.9 if kind(head) == "ios" else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One device. Raises FormatError when a configuration is cut off."""
    if len(artefacts) != 1:
        why = "a device has one configuration, and several were given"
        raise FormatError("The configurations were not read", why, "Give one file for each device.")
    file = Configuration(artefacts[0])
    return ios_device.reading(NAME, file.router, file.account)
