"""Single packets through a walk, quickly: an automaton that the walk itself builds as packets ask for it.

A state is where a packet has got to, without the packet: chain, position, flags and reasons. Which step it meets next
is looked up (first_hit.py); what then becomes of it is asked of the walk once and kept. So the answers are the walk's
own. Where one depends on more than the steps that were met, the walk is asked about that packet alone.
"""

from __future__ import annotations

from typing import cast

from compliance.traffic.boxes import FULL, Box, Budget, Family, TooManyPieces, limited
from evidence.formats.first_hit import NONE, FirstHit, Values
from evidence.formats.pieces import TOO_MANY, Piece
from evidence.formats.walk import Walk, Work

MOST_STATES = 200_000
MOST_MET = 30_000  # steps that one packet may meet: chains that call others twice over and over meet any number


def box_of_values(values: Values) -> Box:
    """The box that holds one packet alone."""
    return cast(Box, tuple(value for value in values for _ in range(2)))


class State:
    """A place in the walk, and what comes after it by the number of the step that is met."""

    __slots__ = ("changed", "following", "hits", "position", "work")

    def __init__(self, work: Work, hits: FirstHit) -> None:
        self.work, self.hits, self.position = work, hits, work.frame.position
        # What was translated: (place in the values, the new value).
        self.changed = tuple((at // 2, work.box[at]) for at, _, _ in work.shift.kept)
        self.following: dict[int, After] = {}


After = State | Piece | None  # None: it depends on the packet, so the walk is to be asked


class Singles:
    """The packets of one walk. The box of an answer means nothing: the answer is kept for other packets as well."""

    def __init__(self, walk: Walk, family: Family) -> None:
        self._walk, self._whole = walk, FULL[family]
        self._states: dict[Work, State] = {}
        self._start: After = None

    def piece(self, sent: Values, steps: int) -> Piece:
        """What the walk says of one packet. `steps`: its budget where it has to be asked."""
        after = self._start or self._begin(sent)
        met = 0
        while isinstance(after, State):
            met += 1
            if met > MOST_MET:
                return Piece(box_of_values(sent), "unproven", "", None, (), TOO_MANY)
            values = _under(sent, after.changed) if after.changed else sent
            number = after.hits.after(values, after.position)
            following = after.following
            if number in following:
                after = following[number]
            else:
                after = following[number] = self._grown(after.work, number, box_of_values(values))
        return after or next(self._walk.pieces(box_of_values(sent), Budget(steps)))

    def _begin(self, sent: Values) -> After:
        box = box_of_values(sent)
        if self._walk.obstacle(box) is None:
            self._start = self._settled(self._walk.start(box))
        return self._start

    def _grown(self, work: Work, number: int, box: Box) -> After:
        """What follows when a packet in the place of `work` meets a step, or none any more."""
        if len(self._states) > MOST_STATES:
            self._states.clear()
            self._start = None
        if number == NONE:
            return self._only(list(self._walk.leave(work._replace(box=box))))
        step = work.frame.lane.ladder.steps[number]
        met = work._replace(box=box, frame=work.frame._replace(position=step.after))
        return self._only(list(self._walk.apply(met, step, Budget(0))))

    def _only(self, results: list[Work | Piece]) -> After:
        if len(results) != 1:
            return None
        return results[0] if isinstance(results[0], Piece) else self._settled(results[0])

    def _settled(self, work: Work) -> After:
        """Goes on as long as what follows is the same for every packet that has come here."""
        while True:
            if work.unrouted:
                routed = self._routed(work)
                if routed is None:
                    return None
                results: list[Work | Piece] = [routed]
            elif work.frame.position < len(work.frame.lane.ladder.steps):
                return self._state(work)
            else:
                results = list(self._walk.leave(work))
            if isinstance(results[0], Piece):
                return results[0]
            work = results[0]

    def _routed(self, work: Work) -> Work | None:
        """The one way that a packet takes under its new destination; None where there are several, or another end."""
        try:
            results = list(self._walk.route(work, Budget(0)))
        except TooManyPieces:
            return None
        return results[0] if len(results) == 1 and isinstance(results[0], Work) else None

    def _state(self, work: Work) -> State | None:
        anyone = self._whole
        for at, _, _ in work.shift.kept:
            if work.box[at] != work.box[at + 1]:
                return None
            anyone = limited(anyone, at, work.box[at], work.box[at])
        hits = work.frame.lane.ladder.first_hit()
        if not hits.usable:
            return None
        key = work._replace(box=anyone)
        if key not in self._states:
            self._states[key] = State(key, hits)
        return self._states[key]


def _under(sent: Values, changed: tuple[tuple[int, int], ...]) -> Values:
    values = list(sent)
    for place, value in changed:
        values[place] = value
    return cast(Values, tuple(values))
