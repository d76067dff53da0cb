"""The Samba shares of one host from all its dumps: what users share by themselves stands under the same [global]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from compliance.traffic.shares import Residue, Share
from evidence.formats import samba_hosts, testparm, usershare
from evidence.rules import Reading, Statement

PATH_SAID = "usershare path = "  # how testparm names folders that it does not show


def settled(readings: Sequence[Reading]) -> tuple[Share, ...]:
    """The shares of all readings of a host. With `testparm` and `net usershare info` each settles the other's doubt."""
    shares = tuple(share for reading in readings for share in reading.shares)
    formats = {part for reading in readings for part in reading.format.split("+")}
    said = overall(one for reading in readings for one in reading.statements)
    if usershare.NAME not in formats or testparm.NAME not in formats:
        return shares
    return tuple(_under(share, said) if is_usershare(share) else _without_doubt(share) for share in shares)


def overall(statements: Iterable[Statement]) -> dict[str, str]:
    """What [global] says, by parameter."""
    return {one.subject: one.value for one in statements if one.about == testparm.ABOUT}


def is_usershare(share: Share) -> bool:
    """Whether a share is a user's own, of which nobody knew the server's lists."""
    return any(one.text == usershare.ALONE for one in share.residue)


def _under(share: Share, said: Mapping[str, str]) -> Share:
    hosts = samba_hosts.let_in(said.get("hosts allow"), said.get("hosts deny"))
    line = share.origin.first
    residue = [one for one in share.residue if one.text != usershare.ALONE]
    residue += [Residue("object", f"hosts {name}", line) for name in hosts.unsure]
    return replace(share, clients=samba_hosts.clients(hosts), security=testparm.security(said), residue=tuple(residue))


def _without_doubt(share: Share) -> Share:
    return replace(share, residue=tuple(one for one in share.residue if not one.text.startswith(PATH_SAID)))
