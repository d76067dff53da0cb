"""Communication logs: this version reads none, and says what that means."""

from __future__ import annotations

from evidence.packs.content import Logs
from evidence.packs.section import Scope, Section
from evidence.packs.sections.known import comparison, connections, counted, rows, served
from evidence.rules import Verdict


def build(scope: Scope) -> Section:
    """The section, missing: with how many connections it leaves open."""
    held = comparison(scope)
    open_ones = [row for row in counted(rows(scope, held)) if row.verdict == Verdict.usage_unknown]
    data = Logs(
        lead="No communication logs are in this pack.",
        usage_unknown=len(open_ones) if held else len(connections(scope)),
        means="What this pack says about traffic comes from rules, never from traffic seen.",
        next_step="Ask for a month of flow logs of the hosts or of the network directly, beside this pack.",
    )
    because = "this version reads no flow logs."
    return Section("logs", "Communication logs", served("logs"), "missing", because, "packs/print/logs.html", data)
