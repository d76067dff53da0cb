"""Transports of flow logs: a literal table. A further one is a module with `arrivals`, and a row here.

It gives objects (evidence/collectors/arrivals.py) and fetches each when it is asked to; what was fetched before, what
two files have in common and what is in them is nobody's business here. Its settings are fields of the form
(evidence/forms/flows.py), its kind a choice of the model (`FlowLog.Kind`), its way a row of `WAYS`
(evidence/views/flow_adding.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from evidence.collectors import flow_aws, flow_folder, flow_git, secrets
from evidence.collectors.arrivals import Arrival
from evidence.collectors.way_in import way_in
from evidence.models import FlowLog

Arrivals = Callable[..., Iterator[Arrival]]
# an upload is brought by a person: there is nothing to fetch
FLOW_COLLECTORS: Final[dict[str, Arrivals]] = {
    "directory": flow_folder.arrivals,
    "git": flow_git.arrivals,
    "s3": flow_aws.objects,
    "cloudwatch": flow_aws.events,
}


def arrivals(log: FlowLog, *, deadline: float) -> Iterator[Arrival]:
    """The objects of a flow log, with the secret and the confirmed key of the source it is fetched through.

    `deadline`: of time.monotonic. Raises PullError, while it is gone through as well.
    """
    config, secret = dict(log.config), None
    if log.through is not None:
        way = way_in(log.through)
        config = {**way.config, **config}
        secret = secrets.secret_of(way.held, deadline) if way.held else None
    return FLOW_COLLECTORS[log.kind](config, secret=secret, cursor=log.cursor, deadline=deadline)
