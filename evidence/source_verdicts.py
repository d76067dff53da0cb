"""What is wrong with the sources themselves: silent, old, refused, paused, or at odds with one another."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime

from compliance.models import Server
from evidence import readings
from evidence.actions.findings import HOST_KEY
from evidence.judgement import Judgement
from evidence.models import Pull, Source
from evidence.rules import Certainty, Verdict
from evidence.sides import Differ, Joined


def source_trouble(at: datetime, judged: Set[str]) -> list[Judgement]:
    """Sources that do not show today's rules, each on its own: an older snapshot or another source hides nothing.

    `judged`: servers at which a connection is judged, so that its verdict says that they are silent.
    """
    found = []
    rows = list(Source.objects.select_related("server", "last_pull", "last_good").order_by("pk"))
    shared = {row.server_id for row in rows if sum(one.server_id == row.server_id for one in rows) > 1}
    for source in rows:
        if source.server.status == Server.Status.RETIRED:
            continue
        unsaid = source.server_id in shared or source.server.name not in judged
        verdict, because = trouble(source, at, unsaid=unsaid)
        if verdict is not None:
            name = source.server.name
            rule = HOST_KEY if readings.is_another(source) else ""
            found.append(Judgement(verdict, Certainty.unproven, name, point_of(source), rule, (), None, because))
    return found


def point_of(source: Source) -> str:
    """Where a finding about a source stands."""
    return f"{source.server.name}/source {source.name}"[:200]


def trouble(source: Source, at: datetime, *, unsaid: bool) -> tuple[Verdict | None, str]:
    """What is wrong with a source beyond what the judge says of its server; (None, "") when nothing is.

    `unsaid`: nobody else would say that it is silent, as its server has more sources or no connection.
    """
    pull = source.last_pull
    refused = pull is not None and pull.state in (Pull.State.FAILED, Pull.State.PARTIAL)
    if refused and pull is not None and pull.error_code not in readings.NO_ANSWER:
        stands = "The one before it stands." if source.last_good else "Nothing of it was ever read."
        said = f"The last reading of {source.name} was refused: {pull.what} {stands}{stopped(source)}"
        return Verdict.not_verifiable, said
    if not unsaid or readings.is_fresh(source, at):
        return None, ""
    verdict, because, _ = readings.silence(source)
    return verdict, because[:1].upper() + because[1:] + "."


def stopped(source: Source) -> str:
    """That nobody asks it any more, as the end of a sentence."""
    if not source.paused_code:
        return ""
    return f" It is paused since {readings.spoken(source.paused_at)}: a person resumes it."


def differing(picked: Mapping[str, Joined]) -> list[Judgement]:
    """Sources of one server that contradict each other: which one is believed is said, and why."""
    return [
        Judgement(
            Verdict.not_verifiable, Certainty.unproven, f"{name} {one.aspect}", f"{name}/sources", "", (), None,
            contradiction(name, one),
        )
        for name, joined in sorted(picked.items())
        for one in joined.differ
    ]  # fmt: skip


def contradiction(name: str, one: Differ) -> str:
    """The disagreement in a sentence."""
    said = f"{one.one} and {one.other} do not say the same about the {one.aspect} of {name}: {one.because}."
    if one.judged:
        return f"{said} {one.judged} is believed: it is the stronger or the newer word."
    return f"{said} Neither is the stronger word, so what only one of them shows is not proven."
