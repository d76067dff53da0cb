"""Rounds of asking: a random smb.conf, a real smbd that runs it, and every client's answer beside ours."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from compliance.traffic.addresses import parse_host
from evidence.formats import testparm
from evidence.rules import Artefact
from evidence.share_access import GUEST, Client, Dialect, May, smb
from tests.oracle.namespace import Namespace
from tests.shares import confs
from tests.shares.server import CLIENTS, USERS, Bed

SHARES = 8  # of one configuration
EACH = 5  # clients that are asked about one share
# A server that would like encryption tells so, and smbclient then encrypts or gives up: without a log-in it has no key.
NO_KEY = "NT_STATUS_INVALID_PARAMETER_MIX"
DIALECTS: tuple[Dialect, ...] = ("smb3", "smb3", "smb3", "smb2", "smb1")


@dataclass
class Tally:
    """How often who said what."""

    verdicts: int = 0
    unknown: int = 0
    void: int = 0  # the client itself gave up
    by_answer: dict[str, int] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)

    def add(self, mine: May, real: May, words: str) -> None:
        """One answer of ours beside the server's."""
        if mine == "unknown":
            self.unknown += 1
            return
        self.verdicts += 1
        self.by_answer[real] = self.by_answer.get(real, 0) + 1
        if mine != real:
            self.disagreements.append(words)


def rounds(seed: str, numbers: Iterator[int], tally: Tally, *, seconds: float = float("inf")) -> Iterator[int]:
    """One configuration after the other, each with a server of its own. Raises NotPossible."""
    end = time.monotonic() + seconds
    with Namespace() as inside, tempfile.TemporaryDirectory(prefix="eastwest-smb-") as name:
        bed = Bed(inside, Path(name))
        for number in numbers:
            one_round(bed, random.Random(f"{seed}/{number}"), f"--seed {seed} --only {number}", tally)
            yield number
            if time.monotonic() >= end:
                return


def one_round(bed: Bed, rng: random.Random, repeat: str, tally: Tally) -> None:
    """A configuration, its server, and all that is asked of it."""
    paths = {f"s{place}": str(bed.folder(f"s{place}")) for place in range(SHARES)}
    overall, sections = confs.overall(rng), confs.shares(rng, paths)
    conf = bed.write(overall, sections)
    reading = testparm.read([Artefact("testparm", bed.testparm(conf))])
    if reading.unread:
        tally.disagreements.append(f"{repeat}: testparm's own output is unread: {reading.unread[:2]}")
        return
    with bed.running(conf):
        for share in paths:
            lines = [one for one in reading.shares if one.origin.uid == share]
            for asked in range(EACH):
                client, user = rng.choice(CLIENTS), rng.choice((GUEST, *USERS))
                dialect = rng.choice(DIALECTS)
                mine = smb(lines, Client(*parse_host(client), user, dialect))
                if mine.may == "unknown":
                    tally.add(mine.may, "no", "")
                    continue
                real, said = bed.ask(share, client, user, dialect, asked)
                if NO_KEY in said and user == GUEST:
                    tally.void += 1
                    continue
                who = f"{user or 'nobody'} from {client} by {dialect} to {share}"
                own = sections.split(f"[{share}]\n")[1].split("[")[0]
                tally.add(
                    mine.may, real,
                    f"{repeat}: {who}: we say {mine.may} ({mine.because}), smbd {real} ({said.strip()[:200]})"
                    f"\n[global]\n{overall}[{share}]\n{own}",
                )  # fmt: skip
