"""The pictures of the documentation, as one literal table: the file in docs/pictures, who looks, and at what.

`./run pictures` makes them (make_pictures.py). Addresses are filled from `references` in conftest.py; each must have a
row in pages.py, so that the walk over all pages keeps opening what the documentation shows.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Picture(NamedTuple):
    """One picture: its file without .png, who is signed in, the address, and how many pixels of the page it shows."""

    name: str
    who: str
    address: str
    height: int = 900


WIDTH: Final = 1440
PICTURES: Final = (
    Picture("evidence", "mina", "/evidence/", 1160),
    Picture("inbox", "omar", "/inbox/{waiting}/"),
    Picture("connection", "rita", "/connections/{carried}/"),
    Picture("graph", "rita", "/connections/?view=graph&group=zones"),
    Picture("finding", "erin", "/findings/{finding}/", 1300),
    Picture("rule-changes", "erin", "/rule-changes/"),
    Picture("sources", "erin", "/sources/"),
    Picture("coverage", "erin", "/coverage/"),
    Picture("learn", "erin", "/learn/"),
    Picture("review", "chandra", "/reviews/{opened}/"),
    Picture("pack", "ada", "/packs/{pack}/", 1000),
    Picture("setup", "erin", "/setup/"),
)
