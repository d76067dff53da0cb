"""How a source is come by, put together for its collector alone: its settings, its confirmed key, its secret."""

from __future__ import annotations

from typing import Any, NamedTuple

from evidence.models import Pin, Source, SourceSecret


class WayIn(NamedTuple):
    """What a collector takes. `held`: its secret, still closed; None when the source needs none, or none is set."""

    config: dict[str, Any]
    held: SourceSecret | None


def way_in(source: Source) -> WayIn:
    """Everything that leads into a source.

    The key is the one that two people confirmed for this very address. Where there is none, `pin` is not set and no
    secret goes along: the collector sends nothing.
    """
    config = {name: value for name, value in source.config.items() if name != "pin"}
    held = SourceSecret.objects.select_related("source").filter(source=source).first()
    if source.kind != Source.Kind.SSH:
        return WayIn(config, held)
    pin = confirmed_pin(source)
    if pin is None:
        return WayIn(config, None)
    return WayIn({**config, "pin": f"{pin.algorithm} {pin.public}", **({"use": held.use} if held else {})}, held)


def confirmed_pin(source: Source) -> Pin | None:
    """The pin that counts: confirmed by a second person, for the address the source has now."""
    from evidence.collectors.ssh import where

    rows = Pin.objects.in_force().filter(source=source, kind=Pin.Kind.SSH, address=where(source.config))
    return rows.first()
