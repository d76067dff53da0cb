"""Duties that no rule shows: which there are, how often each is stated anew, and what a host says of itself beside it.

A statement is a person's. What the host says is put beside it and never in its place: whether the two agree, disagree,
or the host is silent is said in words. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from evidence.admin_path import steps
from evidence.judgement import counted
from evidence.rules import Reading

State = Literal["failed", "never", "overdue", "due", "current"]
Sign = Literal["agrees", "differs", "unclear", "silent"]


class Duty(NamedTuple):
    """One kind of statement. `every`: days after which it is stated anew; `asks`: what is stated, in one sentence."""

    label: str
    every: int
    asks: str
    bastions_only: bool = False
    offline: bool = False  # whether it is asked for an offline copy


DUTIES: Final[Mapping[str, Duty]] = {
    "patched": Duty("Patched", 35, "The security updates offered for it were installed on that day."),
    "restored": Duty("Restore tested", 183, "A backup of it was restored on that day, and what came back was checked.",
                     offline=True),
    "logs": Duty("Logs forwarded", 92, "Its event logs arrived at the central log server on that day."),
    "time": Duty("Time source", 183, "On that day its clock followed the organisation's time source."),
    "services": Duty("Services inspected", 183, "On that day what it listens on was gone through; what is not needed "
                     "was stopped."),
    "bastion_mfa": Duty("Second factor at the bastion", 92, "On that day a log-in to it took a second factor.",
                        bastions_only=True),
}  # fmt: skip
ABOUTS: Final = ("updates", "logs", "time")  # what a reading's statements say of these duties
SOON: Final = timedelta(days=14)
ORDER: Final[tuple[State, ...]] = ("failed", "never", "overdue", "due", "current")
OPEN: Final = ("failed", "never", "overdue")  # said everywhere: nobody may take these for well
KEPT: Final = 30  # lines of one kind that are kept of a host
SPELT: Final = 3
NOT_READ: Final = "not read, or too long ago."
EVERYTHING: Final = "everything"  # the value of a log target that is sent everything
A_DAY: Final = timedelta(days=1)  # a log names no time zone


class Said(NamedTuple):
    """What a host says of itself beside one statement: whether that agrees with it, and a sentence."""

    sign: Sign
    text: str


def state_of(kind: str, held_on: date | None, in_order: bool, today: date) -> tuple[State, date | None]:
    """How a duty stands today, and by when it is to be stated anew. What is open at once has no day."""
    if held_on is None:
        return "never", None
    if not in_order:
        return "failed", None
    due = held_on + timedelta(days=DUTIES[kind].every)
    return ("overdue" if due < today else "due" if due <= today + SOON else "current"), due


def of_reading(reading: Reading) -> dict[str, Any]:
    """What a reading says of updates, logs and time, and whether its sockets were read.

    An absent key was not read; a key without rows was read and says nothing.
    """
    found: dict[str, Any] = {}
    for about in ABOUTS:
        unread = [point.unread for point in reading.points if point.name == f"says/{about}"]
        if not unread:
            continue
        rows = [[one.subject, one.value, dict(one.details)] for one in reading.statements if one.about == about]
        found[about] = {"rows": rows[:KEPT], "unread": sum(unread), "more": max(len(rows) - KEPT, 0)}
    if any(point.name == "listeners" for point in reading.points):
        found["services"] = {"unread": sum(one.unread for one in reading.points if one.name == "listeners")}
    return found


def beside(kind: str, host: Mapping[str, Any], read_on: date | None, held_on: date | None, in_order: bool) -> Said:
    """What the host says beside a statement of that day (None: nobody stated anything).

    `host`: `of_reading`, with "login" (the SSH server's own settings) and "refused" (ids of open findings about what it
    listens on) where these are known.
    """
    said = SAYS[kind](host, read_on, held_on)
    if held_on is None:
        return Said("silent" if said.sign == "silent" else "unclear", said.text)
    if not in_order and said.sign in ("agrees", "differs"):
        said = Said("differs" if said.sign == "agrees" else "agrees", said.text)
    if said.sign == "differs":
        return Said("differs", f"The host says otherwise: {said.text[:1].lower()}{said.text[1:]}")
    return said


def _updates(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    known = host.get("updates")
    if known is None:
        return Said("silent", f"What it installed is not known: {NOT_READ}")
    days = sorted(day for row in known["rows"] if (day := _day(row[1])))
    if not days:
        return Said("unclear", f"Its record of installations names none{_unread(known)}; it may have been rotated.")
    last, seen = days[-1], _spelt(read_on)
    told = f"The last installation it names is of {_spelt(days[-1])}, as read on {seen}{_unread(known)}."
    if held_on is None:
        return Said("unclear", told)
    if last >= held_on - A_DAY:
        return Said("agrees", told)
    if read_on is None or read_on <= held_on:
        return Said("unclear", f"It was read on {seen}, not after that day. {told}")
    return Said("unclear" if known["unread"] else "differs", told)


def _logs(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    known = host.get("logs")
    if known is None:
        return Said("silent", f"Where it sends its logs is not known: {NOT_READ}")
    targets = [row for row in known["rows"] if row[1] != "include"]
    whole = [row[0] for row in targets if row[1] == EVERYTHING]
    if whole:
        return Said("agrees", f"Its settings send everything to {_several(whole)}, as read on {_spelt(read_on)}.")
    if targets:
        return Said("unclear", f"Its settings send some of its logs to {_several([row[0] for row in targets])}: which, "
                    f"a condition decides (read on {_spelt(read_on)}).")  # fmt: skip
    missing = len(targets) != len(known["rows"])
    if missing or known["unread"] or known["more"]:
        return Said("unclear", f"Its settings name no target{_unread(known)}; files they include were not all read.")
    return Said("differs", f"Its settings send its logs nowhere, as read on {_spelt(read_on)}.")


def _time(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    known = host.get("time")
    if known is None:
        return Said("silent", f"What its clock follows is not known: {NOT_READ}")
    followed = [row[0] for row in known["rows"] if row[1] == "followed" and row[2].get("mode") != "local clock"]
    if followed:
        return Said("agrees", f"Its clock follows {_several(followed)}, as read on {_spelt(read_on)}.")
    if known["unread"]:
        return Said("unclear", f"No source its clock follows was found{_unread(known)}.")
    which = f"none of its {len(known['rows'])} sources" if known["rows"] else "no source at all"
    return Said("differs", f"Its clock follows {which}, as read on {_spelt(read_on)}.")


def _services(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    refused = host.get("refused", ())
    if refused:
        what = counted(len(refused), "service")
        return Said("differs", f"It offers {what} that nobody authorised ({_several(sorted(refused))}).")
    known = host.get("services")
    if known is None:
        return Said("silent", f"What it listens on is not known: {NOT_READ}")
    if known["unread"]:
        return Said("unclear", f"Not all it listens on was understood{_unread(known)}.")
    return Said("agrees", f"Nothing listens that nobody authorised, as read on {_spelt(read_on)}.")


def _second_factor(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    login = host.get("login")
    if not login:
        return Said("silent", f"The settings of its SSH server are not known: {NOT_READ}")
    tone, sentence = steps(login)
    text = f"{sentence.rstrip('.')}, says its SSH server outside its Match blocks."
    return Said("agrees" if tone == "ok" else "differs", text)


def _restored(host: Mapping[str, Any], read_on: date | None, held_on: date | None) -> Said:
    return Said("silent", "No reading of a host shows a restore.")


SAYS: Final = {
    "patched": _updates, "restored": _restored, "logs": _logs, "time": _time, "services": _services,
    "bastion_mfa": _second_factor,
}  # fmt: skip


def tier(sha256: str) -> tuple[str, str]:
    """(tier, what it is) of a statement, as proposed: an assessor decides."""
    return ("fair", "a statement with a file") if sha256 else ("poor", "a statement")


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").date()
    except ValueError:
        return None


def _spelt(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "an unknown day"


def _unread(known: Mapping[str, Any]) -> str:
    count = known["unread"]
    return f" ({counted(count, 'line')} could not be read)" if count else ""


def _several(names: Sequence[str]) -> str:
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - SPELT} more" if len(shown) > SPELT else ""
    return f"{', '.join(shown[:SPELT])}{more}"
