"""The policy of the sample organisation: a zone matrix and dated exceptions, proposed by one, adopted by another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from compliance.actions import policy
from compliance.models import PolicyVersion, User
from compliance.models.estate import day_of
from compliance.policy.shipped import shipped

BECAUSE: Final = "The data zone is reached through the applications, and nothing comes into it from development."
CELLS: Final = (
    ("outside", "data", "never", ()),
    ("dmz", "data", "reason", ("tcp/2049",)),
    ("dmz", "data", "never", ()),
    ("development", "data", "never", ()),
    ("development", "app", "never", ()),
)
EXCEPTIONS: Final = (
    ("cleartext", "*", "load balancer", ("tcp/80",), "It only redirects to the encrypted port."),
    *(
        ("production-and-development", zone, "dmz", ("tcp/25", "tcp/80", "tcp/443"),
         "What is published to the internet is published to our own networks as well.")
        for zone in ("development", "test")
    ),
)  # fmt: skip
A_YEAR: Final = timedelta(days=365)


def propose(person: User, at: datetime) -> PolicyVersion:
    """The shipped rules, with our matrix and our exceptions."""
    return policy.propose(content(at), because=BECAUSE, by=person, seen=0, at=at)


def adopt(person: User, at: datetime) -> PolicyVersion:
    """The proposal that waits is taken into force."""
    return policy.adopt(PolicyVersion.objects.open().get(), by=person, because="As discussed with both owners.", at=at)


def content(at: datetime) -> dict[str, Any]:
    """What is proposed, as a version keeps it."""
    said = shipped().as_json()
    said["matrix"]["cells"] = [
        {"from": source, "to": target, "decision": decision, "services": list(services)}
        for source, target, decision, services in CELLS
    ]
    until = (day_of(at) + A_YEAR).isoformat()
    said["exceptions"] = [
        {"rule": rule, "source": source, "destination": target, "services": list(services), "until": until,
         "because": because}
        for rule, source, target, services, because in EXCEPTIONS
    ]  # fmt: skip
    return said
