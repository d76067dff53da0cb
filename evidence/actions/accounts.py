"""Cloud accounts that lead into one another, put together from what is kept of them (docs/adr/0044)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from django.conf import settings

from evidence import reading_json
from evidence.actions.footprint import ACCOUNT
from evidence.artefacts import read_back
from evidence.attachments import is_fabric
from evidence.formats.aws_fabric import FORWARD
from evidence.judgement import Judgement
from evidence.kept import Files, Kept
from evidence.models import PulledArtefact, Snapshot
from evidence.parse import paths_in_child
from evidence.readings import Held
from evidence.rules import Artefact, Certainty, FormatError, Reading, Verdict

ALONE: Final = "what that one shows is not put beside it, so that paths between the two are not known: "


class Together(NamedTuple):
    """`paths`: account -> FORWARD and RETURN with what other accounts show; `apart`: account -> a sentence why some of
    those it leads into are not put beside it; `key`: the digest of all that this rests on, "" for nothing."""

    paths: dict[str, Reading]
    apart: dict[str, str]
    key: str

    def digest(self, account: str, own: str) -> str:
        """What an account's reading rests on, beside its own digest: what others show on its paths."""
        return f"{own} beside {self.key}" if account in self.paths else own


NOBODY: Final = Together({}, {}, "")


def kept_files() -> Files:
    """The answers that are kept between comparisons."""
    return Files(settings.VAR / "kept", settings.SECRET_KEY.encode())


def together(fresh: Held, now: Mapping[str, Reading], kept: Files | None = None) -> Together:
    """The paths of the accounts among these readings as they are together. Costs nothing where fewer than two are.

    An account that several sources show is judged by what they say together, and is not put beside others.
    """
    accounts = {name: fresh[name][0] for name, one in now.items() if is_fabric(one) and len(fresh.get(name, ())) == 1}
    if len(accounts) < 2:
        return NOBODY
    rests_on = tuple((name, one.digest) for name, one in sorted(accounts.items()))
    answers = Kept(kept or kept_files(), {})
    try:
        said = answers.value(("accounts together", *rests_on), lambda: _asked(accounts))
    except (FormatError, OSError) as error:  # not kept: the next comparison tries again
        why = f"{error.what}: {error.why}" if isinstance(error, FormatError) else str(error)
        return Together(
            {}, {name: f"Whether {name} leads into others was not looked at: {why}" for name in accounts}, ""
        )
    paths = {name: reading_json.load(held.encode()) for name, held in said["paths"].items()}
    apart = {name: f"{name} leads into another account that was read, and {ALONE}{why}"
             for name, why in said["apart"].items()}  # fmt: skip
    return Together(paths, apart, hashlib.sha256(repr(rests_on).encode()).hexdigest())


def judged_apart(found: Together) -> Iterable[Judgement]:
    """That an account leads into another which was read, and that the two could not be put together."""
    for name, because in sorted(found.apart.items()):
        yield Judgement(
            Verdict.not_verifiable, Certainty.unproven, f"{name} {FORWARD}", f"{name}/{FORWARD}", "", (), None, because
        )


def _asked(accounts: Mapping[str, Snapshot]) -> dict[str, dict[str, str]]:
    """What the reading process makes of their files. Raises FormatError, or OSError where stored bytes are damaged."""
    paths, apart = paths_in_child({name: _files(one) for name, one in accounts.items()})
    return {"paths": {name: reading_json.dump(one).decode() for name, one in paths.items()}, "apart": apart}


def _files(snapshot: Snapshot) -> list[Artefact]:
    rows = PulledArtefact.objects.filter(pull=snapshot.pull_id, beside=False, format=ACCOUNT)
    return [Artefact(each.name, read_back(each.stored), each.command, each.observed_at)
            for each in rows.select_related("stored").order_by("pk")]  # fmt: skip
