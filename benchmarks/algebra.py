"""`./run bench algebra`: rules against a register, from a thousand to a hundred thousand on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import packet, policies, reference
from benchmarks.acl_check import Peer
from benchmarks.figures import Figure, peak_megabytes, say_peak, seconds
from compliance.traffic.boxes import FULL, Box, Budget, Family
from compliance.traffic.comparison import Comparison
from compliance.traffic.difference import beyond
from compliance.traffic.index import Index
from compliance.traffic.policy import Policy
from compliance.traffic.residual import residual

SIZES = (1_000, 10_000, 100_000)
SLOWER_MACHINE = 0.5  # of the reference's time, where 5 s are out of reach
QUESTIONS = 40  # put to AclCheck; it needs the same time for each


def figures() -> Iterator[Figure]:
    """Every figure, the quick ones first."""
    yield from _fragments()
    yield from _shapes()
    yield _against_acl_check()
    yield from packet.figures()
    yield from _sizes(4)
    yield from _sizes(6)
    full = peak_megabytes("benchmarks.algebra")
    yield Figure("memory, 100k x 100k", full, "MB", 300)


def _fragments() -> Iterator[Figure]:
    pieces = policies.fragments(10_000)
    ours = seconds(lambda: next(residual(FULL[4], pieces), None), best_of=3)
    fewer = policies.fragments(500)
    quick = seconds(lambda: next(residual(FULL[4], fewer), None), best_of=3)
    slow = seconds(lambda: next(reference.left_over(FULL[4], fewer), None))
    beside = {"at 500": round(quick, 4), "reference at 500": round(slow, 4), "ratio at 500": round(slow / quick, 1)}
    yield Figure("any/any covered by 10k fragments", ours, "s CPU", 0.3, beside=beside)


def _shapes() -> Iterator[Figure]:
    crossing = policies.stripes(10_000)
    yield Figure("10k crossing stripes", seconds(lambda: next(residual(FULL[4], crossing), None), best_of=3), "s CPU")
    permitted, authorised = policies.security_group(100, 10)
    held = Index(authorised)
    ours = seconds(lambda: sum(1 for _ in beyond(permitted, held, budget=Budget(10**9))))
    yield Figure("union over a security group", ours, "s CPU", beside={"members": 100, "boxes": len(permitted)})


def _against_acl_check() -> Figure:
    """Half the rules are IPv4 and half IPv6; both hold ICMP."""
    ours = theirs = 0.0
    for family in (4, 6):
        rules, authorised = policies.realistic(10_000, family=family)
        policy = Policy(rules)
        ours += seconds(lambda: [policy.passes(box) for box in authorised], best_of=3) / len(authorised)  # noqa: B023
        theirs += Peer(rules, family).seconds(authorised[:QUESTIONS]) / QUESTIONS
    return Figure("missing, times faster than AclCheck", theirs / ours, "x", 1000, "at least")


def _sizes(family: Family) -> Iterator[Figure]:
    taken: dict[int, float] = {}
    for size in SIZES:
        rules, authorised = policies.realistic(size, family=family)
        taken[size] = seconds(lambda: Comparison(rules, authorised), best_of=3 if size < SIZES[-1] else 2)  # noqa: B023
        if size == SIZES[-1] and family == 4:
            slow = seconds(lambda: reference.counts(rules, authorised))  # noqa: B023
            yield _full(taken[size], slow)
            yield _followed(rules, authorised, taken[size])
        else:
            name = f"excess + missing + shadowed, {size // 1000}k x {size // 1000}k, IPv{family}"
            yield Figure(name, taken[size], "s CPU")
    growth = taken[SIZES[-1]] / taken[SIZES[-2]]
    yield Figure(f"growth from 10k to 100k on both sides, IPv{family}", growth, "x", 15)


def _full(ours: float, slow: float) -> Figure:
    ratio = ours / slow
    beside = {"reference": round(slow, 2), "ratio": round(ratio, 3)}
    goal = 5.0 if ratio > SLOWER_MACHINE else max(5.0, ours)
    return Figure("excess + missing + shadowed, 100k x 100k, IPv4", ours, "s CPU", goal, beside=beside)


def _followed(rules: policies.Rules, authorised: list[Box], full: float) -> Figure:
    best = float("inf")
    for seed in (7, 8):
        kept = Comparison(rules, authorised)
        newer = policies.changed(rules, 0.01, seed=seed)
        best = min(best, seconds(lambda: kept.follow(newer)))  # noqa: B023
    share = 100 * best / full
    return Figure("1 % of the rules changed, of the full check", share, "%", 5, beside={"seconds": round(best, 3)})


if __name__ == "__main__":  # a process of its own, asked for what it needs at its fullest
    held = Comparison(*policies.realistic(SIZES[-1]))
    say_peak()
