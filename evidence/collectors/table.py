"""Transports: how the dumps of a host come to us. Literal tables; what they bring is read elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from evidence.collectors import aws, cisco, directory, fortios, git, local, panos, secrets, ssh
from evidence.collectors.collected import Collected, PullError, Step
from evidence.collectors.redaction import redacted
from evidence.models import SourceSecret

Collect = Callable[..., Collected]
Probe = Callable[..., tuple[Step, ...]]
# an upload is brought by a person, a push by its host: the bytes are kept by the verb, there is nothing to collect
COLLECTORS: Final[dict[str, Collect]] = {
    "aws": aws.collect,
    "cisco": cisco.collect,
    "directory": directory.collect,
    "fortios": fortios.collect,
    "git": git.collect,
    "local": local.collect,
    "panos": panos.collect,
    "ssh": ssh.collect,
}
# the same way in, without reading anything into evidence: each step with its outcome
PROBES: Final[dict[str, Probe]] = {
    "aws": aws.probe,
    "cisco": cisco.probe,
    "directory": directory.probe,
    "fortios": fortios.probe,
    "git": git.probe,
    "local": local.probe,
    "panos": panos.probe,
    "ssh": ssh.probe,
}
THIS_MACHINE: Final = "this machine"
NO_SESSION: Final = frozenset({"upload", "push", "directory", "git"})  # it lies somewhere: no device is talked to


def collect(
    kind: str, config: Mapping[str, Any], *, held: SourceSecret | None, since: str | None, deadline: float
) -> Collected:
    """Calls the collector of that kind with the secret that is held for the source; secrets in what came are taken out.

    Raises PullError.
    """
    secret = secrets.secret_of(held, deadline) if held else None
    came = COLLECTORS[kind](config, secret=secret, since=since, deadline=deadline)
    return replace(
        came,
        artefacts=tuple(redacted(one) for one in came.artefacts),
        beside=tuple(redacted(one) for one in came.beside),
    )


def probe(kind: str, config: Mapping[str, Any], *, held: SourceSecret | None, deadline: float) -> tuple[Step, ...]:
    """Tries to reach and to sign in, and says each step. What failed is a step, never an error."""
    try:
        secret = secrets.secret_of(held, deadline) if held else None
    except PullError as error:
        return (Step("Look up its secret", "failed", error.what, error.next_step),)
    return PROBES[kind](config, secret=secret, deadline=deadline)


def host_of(kind: str, config: Mapping[str, Any]) -> str:
    """The device a source of that kind talks to, by the name it is reached under; "" where there is none."""
    if kind in NO_SESSION:
        return ""
    if kind == "local":
        return THIS_MACHINE
    return str(config.get("device") or config.get("host") or "").strip().lower()
