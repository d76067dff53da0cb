"""The rules about two sides: which services between them the policy does not want. Asked of requests and of what runs.

Each rule takes its setting and the two sides, and gives what it forbids, that it cannot tell, or None. It never sees
a packet: what is asked for, or what the pulled rules permit, is cut to what it forbids by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from compliance.policy.content import Cell, Decision, Setting, role_services
from compliance.policy.facts import INTERNET, Side, spans_of
from compliance.policy.spans import EVERY, common, without
from compliance.traffic.services import Span


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What is forbidden between two sides, and why in half a sentence.

    `asks`: it asks for a reason in the request, and says nothing of what runs.
    """

    spans: tuple[Span, ...]
    because: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Untold:
    """Whether these services are forbidden cannot be told: what is missing, in half a sentence."""

    spans: tuple[Span, ...]
    because: str


Answer = Forbidden | Untold | None
PairRule = Callable[[Setting, Side, Side], Answer]


def spans(texts: Iterable[str]) -> tuple[Span, ...]:
    """The services of a parameter as spans."""
    return tuple(span for _, span in spans_of(texts))


def any_address(rule: Setting, source: Side, destination: Side) -> Answer:
    """Nobody is let in from everywhere, nobody reaches everything, but where the policy names who may."""
    if source.outside == "everyone" and destination.server:
        if destination.role in rule.texts("published_roles") or destination.zone in rule.texts("published_zones"):
            return None
        return Forbidden(EVERY, f"everybody everywhere may start it, and {destination} is not published")
    if destination.outside == "everyone" and source.server:
        return _may_reach(rule, source, "it may go to every address there is")
    if source.outside == "everyone" and destination.outside == "everyone":
        return Forbidden(EVERY, "it is from everywhere to everywhere")
    return None


def internet_to_back_end(rule: Setting, source: Side, destination: Side) -> Answer:
    """What serves other servers is not reached from outside."""
    if source.outside not in ("everyone", "internet") or not destination.server:
        return None
    if destination.role in rule.texts("back_end_roles"):
        return Forbidden(EVERY, f"{destination} serves other servers, and would be reached from the internet")
    if destination.zone in rule.texts("back_end_zones"):
        return Forbidden(EVERY, f"{destination} stands in the zone {destination.zone}, which is a back end")
    if not destination.role:
        return Untold(EVERY, f"nobody recorded what {destination} is for, so whether it is a back end is not known")
    return None


def server_to_internet(rule: Setting, source: Side, destination: Side) -> Answer:
    """Servers do not open connections to the internet, but the few whose task it is."""
    if not source.server or destination.outside != "internet":
        return None
    because = f"{destination} lies on the internet, and no organisation answers for it"
    nobody = "no organisation answers for what it may reach on the internet"
    return _may_reach(rule, source, nobody if destination.names == (INTERNET,) else because)


def _may_reach(rule: Setting, source: Side, because: str) -> Answer:
    for role, allowed in role_services(rule.texts("roles_and_services")):
        if role == source.role:
            left = without(EVERY, allowed)
            return Forbidden(left, f"{because}; a {role} may only for what the policy names") if left else None
    return Forbidden(EVERY, because)


def database_from_application(rule: Setting, source: Side, destination: Side) -> Answer:
    """A database is asked by its own application and nobody else."""
    services = spans(rule.texts("database_services"))
    if destination.role not in rule.texts("database_roles"):
        if destination.server and not destination.role and not destination.outside:
            return Untold(services, f"nobody recorded whether {destination} is a database")
        return None
    if source.outside:
        return Forbidden(services, f"{source} is no server of the application of {destination}")
    if not source.role:
        return Untold(services, f"nobody recorded what {source} is for")
    if source.role not in rule.texts("application_roles"):
        return Forbidden(services, f"{source} is no application server, and {destination} is a database")
    if rule.flag("same_system") and source.system != destination.system:
        return Forbidden(services, f"{source} belongs to {source.system}, the database to {destination.system}")
    return None


def production_and_development(rule: Setting, source: Side, destination: Side) -> Answer:
    """Production and what is not production do not talk, but through what serves both."""
    if source.outside or destination.outside or {source.role, destination.role} & set(rule.texts("shared_roles")):
        return None
    if not source.environment or not destination.environment:
        missing = destination if source.environment else source
        return Untold(EVERY, f"nobody recorded the environment of {missing}")
    production = set(rule.texts("production"))
    if (source.environment in production) == (destination.environment in production):
        return None
    because = f"{source} is {source.environment} and {destination} is {destination.environment}"
    return Forbidden(EVERY, because)


def cleartext(rule: Setting, source: Side, destination: Side) -> Answer:
    """Protocols that everybody on the way can read."""
    return Forbidden(spans(rule.texts("cleartext_services")), f"everybody between {source} and {destination} reads it")


def files_between_servers(rule: Setting, source: Side, destination: Side) -> Answer:
    """Files are shared by file servers; others neither offer nor fetch them."""
    services = spans(rule.texts("file_services"))
    if not (source.server and destination.server):
        return Forbidden(services, "files would be shared with the outside") if source.outside else None
    if not destination.role:
        return Untold(services, f"nobody recorded whether {destination} is a file server")
    if destination.role in rule.texts("file_server_roles"):
        return None
    return Forbidden(services, f"{destination} is no file server")


def administration_from_bastion(rule: Setting, source: Side, destination: Side) -> Answer:
    """Servers are administered through the jump host."""
    services = spans(rule.texts("administration_services"))
    bastions = rule.texts("bastion_roles")
    if not destination.server or source.role in bastions or destination.role in bastions:
        return None
    if source.server and not source.role:
        return Untold(services, f"nobody recorded whether {source} is a jump host")
    return Forbidden(services, f"{source} is no jump host, and would administer {destination}")


def classification(rule: Setting, source: Side, destination: Side) -> Answer:
    """Systems of different classification do not talk unseen."""
    order = rule.texts("order")
    if source.outside or destination.outside or source.classification == destination.classification:
        return None
    if source.classification not in order or destination.classification not in order:
        return Untold(EVERY, f"the classification of {source} or of {destination} is not in the policy's order")
    way = "higher" if order.index(destination.classification) > order.index(source.classification) else "lower"
    because = f"{source} is {source.classification}, {destination} is {destination.classification}, which is {way}"
    return Forbidden(EVERY, because)


def other_organisation(rule: Setting, source: Side, destination: Side) -> Answer:
    """A connection with another organisation rests on an agreement."""
    for side in (source, destination):
        if side.outside == "party" and not side.agreement:
            return Forbidden(EVERY, f"no agreement with {side.organisation or side} is recorded")
    return None


# Every rule about two sides, by id. Those of NIGHTLY are asked of what the pulled rules permit as well.
PAIR_RULES: Final[Mapping[str, PairRule]] = {
    "any-address": any_address,
    "internet-to-back-end": internet_to_back_end,
    "server-to-internet": server_to_internet,
    "database-from-application": database_from_application,
    "production-and-development": production_and_development,
    "cleartext": cleartext,
    "files-between-servers": files_between_servers,
    "administration-from-bastion": administration_from_bastion,
    "classification": classification,
    "other-organisation": other_organisation,
}
# … of what may reach a server. `server-to-internet` is asked every night as well, of what leaves each server.
NIGHTLY: Final = (
    "internet-to-back-end", "database-from-application", "production-and-development", "cleartext",
    "files-between-servers", "administration-from-bastion", "classification", "zone-matrix",
)  # fmt: skip


def by_matrix(cells: Iterable[Cell], otherwise: Decision, source: str, target: str) -> dict[Decision, tuple[Span, ...]]:
    """What the matrix decides of each service from one zone to another: the first line that speaks of it decides."""
    found: dict[Decision, tuple[Span, ...]] = {}
    left: tuple[Span, ...] = EVERY
    for cell in cells:
        if cell.source in ("*", source) and cell.destination in ("*", target) and left:
            found[cell.decision] = (*found.get(cell.decision, ()), *common(left, cell.spans))
            left = without(left, cell.spans)
    found[otherwise] = (*found.get(otherwise, ()), *left)
    return {decision: spans for decision, spans in found.items() if spans}
