"""A fixed share of `./run oracle --shares`, the traps one by one, and proof that a wrong reading is found out."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from compliance.traffic.addresses import parse_host
from compliance.traffic.boxes import FAMILIES, FULL
from evidence.formats import testparm, usershare
from evidence.host import merge
from evidence.rules import Artefact, Reading
from evidence.share_access import GUEST, Client, Dialect, smb
from tests.oracle.namespace import Namespace, NotPossible
from tests.shares.server import Bed, missing
from tests.shares.session import Tally, one_round

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]

OVERALL: Final = """\
	map to guest = Bad User
	hosts allow = 10.1. fd01::/16
	server min protocol = NT1
	usershare max shares = 10
	usershare path = {place}/usershares
	usershare allow guests = Yes
	usershare owner only = No
"""
SHARES: Final = """\
[both]
	path = {place}/files/both
	hosts allow = 10.1.1.5 10.2.0.7 fd01::5
	guest ok = Yes
[except]
	path = {place}/files/except
	hosts allow = 10.1.1.0/24 EXCEPT 10.1.1.6
	guest ok = Yes
	read only = No
[people]
	path = {place}/files/people
	valid users = games
	guest ok = Yes
	write list = games backup
[locked]
	path = {place}/files/locked
	server smb encrypt = required
	valid users = games
	read only = No
[look]
	path = {place}/files/look
	guest ok = Yes
	read only = No
	read list = nobody
[root]
	path = {place}/files/root
	admin users = games
"""
# share, from, as, by → what the server does: what Samba 4.17 said when this was written, and says again here
SAID: Final[tuple[tuple[str, str, str, Dialect, str], ...]] = (
    ("both", "10.1.1.5", GUEST, "smb3", "ro"),
    ("both", "10.1.1.6", GUEST, "smb3", "no"),  # the share's own list keeps it out
    ("both", "10.2.0.7", GUEST, "smb3", "no"),  # the share lets it in, the server does not
    ("both", "fd01::5", "games", "smb2", "ro"),
    ("both", "192.0.2.9", GUEST, "smb3", "no"),
    ("except", "10.1.1.5", GUEST, "smb3", "rw"),
    ("except", "10.1.1.6", GUEST, "smb3", "no"),
    ("except", "10.1.1.5", "games", "smb1", "rw"),
    ("people", "10.1.1.5", "games", "smb3", "rw"),
    ("people", "10.1.1.5", "backup", "smb3", "no"),  # in the write list, and no valid user
    ("people", "10.1.1.5", GUEST, "smb3", "no"),  # guests are users too
    ("locked", "10.1.1.5", "games", "smb3", "rw"),
    ("locked", "10.1.1.5", "games", "smb2", "no"),  # this dialect cannot encrypt
    ("root", "10.1.1.5", "games", "smb3", "ro"),  # acts as root and may only read all the same
    ("look", "10.1.1.5", GUEST, "smb3", "ro"),  # guests are readers by their account
    ("look", "10.1.1.5", "games", "smb3", "rw"),
    ("mine", "10.1.1.5", GUEST, "smb3", "ro"),
    ("mine", "10.2.0.7", GUEST, "smb3", "no"),  # a user's own share stands under [global] as well
)


@pytest.fixture
def bed() -> Iterator[Bed]:
    with Namespace() as inside, tempfile.TemporaryDirectory(prefix="eastwest-smb-") as name:
        try:
            yield Bed(inside, Path(name))
        except NotPossible as why:
            pytest.skip(str(why))


def read(bed: Bed) -> Reading:
    """The server's configuration and a user's own share, as a collector would bring them."""
    place = {"place": bed.place}
    for name in ("both", "except", "people", "locked", "look", "root", "mine"):
        bed.folder(name)
    (bed.place / "usershares").mkdir(mode=0o1770)
    (bed.place / "usershares").chmod(0o1770)
    conf = bed.write(OVERALL.format(**place), SHARES.format(**place))
    add = ["net", "usershare", "add", "mine", str(bed.folder("mine")), "", "S-1-1-0:R", "guest_ok=y", "-s", str(conf)]
    bed.call(add)
    info = bed.call(["net", "usershare", "info", "-s", str(conf)])
    own = usershare.read([Artefact("usershare", info.encode())])
    return merge([testparm.read([Artefact("testparm", bed.testparm(conf))]), own])


def ours(reading: Reading, share: str, address: str, user: str, dialect: Dialect) -> str:
    """What we say of one client."""
    lines = [one for one in reading.shares if one.origin.uid == share]
    return smb(lines, Client(*parse_host(address), user, dialect)).may


def test_the_traps_one_by_one(bed: Bed) -> None:
    reading = read(bed)
    assert not reading.unread
    with bed.running(bed.place / "smb.conf"):
        real = [bed.ask(*row[:4], number)[0] for number, row in enumerate(SAID)]
    assert list(zip([row[:4] for row in SAID], real, strict=True)) == [(row[:4], row[4]) for row in SAID]
    assert [ours(reading, *row[:4]) for row in SAID] == real
    # readings that are wrong on purpose: the share's list alone, nobody's users, everybody's dialect
    wide = tuple(FULL[family] for family in FAMILIES)
    for wrong in (
        replace(reading, shares=tuple(replace(one, clients=wide) for one in reading.shares)),
        replace(reading, shares=tuple(replace(one, users=()) for one in reading.shares)),
        replace(reading, shares=tuple(replace(one, security="smb1") for one in reading.shares)),
        replace(reading, shares=tuple(replace(one, access="rw") for one in reading.shares)),
        replace(reading, shares=tuple(replace(one, squash="guest") for one in reading.shares)),
    ):
        assert [ours(wrong, *row[:4]) for row in SAID] != real


def test_random_servers_answer_as_we_say(bed: Bed) -> None:
    tally = Tally()
    for number in range(2):
        one_round(bed, random.Random(f"suite/{number}"), f"--seed suite --only {number}", tally)
    assert tally.disagreements == []
    assert tally.verdicts > 30
    assert len(tally.by_answer) > 1
