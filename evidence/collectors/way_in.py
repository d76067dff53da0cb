"""How a source is come by, put together for its collector alone: its settings, its confirmed key, its secret."""

from __future__ import annotations

import base64
import ssl
from typing import Any, NamedTuple

from evidence.collectors.collected import PullError
from evidence.models import Pin, Source, SourceSecret
from evidence.models.sources import OVER_HTTPS, OVER_SSH


class WayIn(NamedTuple):
    """What a collector takes. `held`: its secret, still closed; None when the source needs none, or none is set."""

    config: dict[str, Any]
    held: SourceSecret | None


def way_in(source: Source) -> WayIn:
    """Everything that leads into a source.

    The key is the one that two people confirmed for this very address. Where there is none, `pin` is not set and no
    secret goes along: the collector sends nothing. The certificate of a repository's server or of a device that two
    people confirmed takes the place of the authorities (`trusted`).
    """
    config = {name: value for name, value in source.config.items() if name != "pin"}
    held = SourceSecret.objects.select_related("source").filter(source=source).first()
    pin = confirmed_pin(source)
    if source.kind not in OVER_SSH:
        return WayIn({**config, "trusted": as_pem(pin)} if pin else config, held)
    if pin is None:
        return WayIn(config, None)
    return WayIn({**config, "pin": f"{pin.algorithm} {pin.public}", **({"use": held.use} if held else {})}, held)


def confirmed_pin(source: Source) -> Pin | None:
    """The pin that counts: confirmed by a second person, for the address the source has now."""
    place = place_of(source)
    kind = Pin.Kind.SSH if source.kind in OVER_SSH else Pin.Kind.TLS
    rows = Pin.objects.in_force().filter(source=source, kind=kind, address=place)
    return rows.first() if place else None


def place_of(source: Source) -> str:
    """Host and port at which a source shows a key or a certificate; "" for one that shows neither."""
    from evidence.collectors import device_https
    from evidence.collectors.git import address_of
    from evidence.collectors.ssh import where

    url = str(source.config.get("url", ""))
    if source.kind in OVER_SSH:
        return where(source.config)
    if source.kind in OVER_HTTPS:
        return device_https.where(source.config)
    if source.kind != Source.Kind.GIT or url.startswith("/"):
        return ""
    try:
        host, port = address_of(url)
    except PullError:
        return ""
    return f"{host}:{port}"


def as_pem(pin: Pin) -> str:
    """A confirmed certificate as files have it."""
    return ssl.DER_cert_to_PEM_cert(base64.b64decode(pin.public))
