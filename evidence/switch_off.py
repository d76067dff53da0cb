"""What to type to switch off a service that nobody authorised. Pure; shown to a person, never run from here.

The unit of a program is asked of systemd on the server itself: distributions name it differently, and one program may
serve several. Names come from what the host says, so none of them reaches a command unless it is a plain name.
"""

from __future__ import annotations

import re
from typing import Final

SENTENCE: Final = "switch it off, or ask for a connection to it"
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
# Programs whose sockets systemd or another unit opens again when only the service is stopped
ALSO: Final[dict[str, tuple[str, ...]]] = {
    "cupsd": ("cups.socket", "cups.path", "cups.service"),
    "rpcbind": ("rpcbind.socket", "rpcbind.service"),
    "avahi-daemon": ("avahi-daemon.socket", "avahi-daemon.service"),
    "dovecot": ("dovecot.socket", "dovecot.service"),
    "dockerd": ("docker.socket", "docker.service"),
    "libvirtd": ("libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket", "libvirtd.service"),
}


def commands(host: str, service: str, process: str) -> list[str]:
    """The lines to type on one server, the first of them a remark that names it. `service`: `tcp/8080`."""
    proto, _, port = service.partition("/")
    lines = [f"# on {host}"] if PLAIN.fullmatch(host) else []
    names = [one for one in process.split(",") if PLAIN.fullmatch(one)]
    if process == "systemd" or not names:
        narrowed = f" | grep -w {port}" if port.isdigit() else ""
        lines.append(f"systemctl list-sockets --all{narrowed}")
        look = f"ss -{'u' if proto == 'udp' else 't'}lpn"
        lines.append(f"{look} 'sport = :{port}'" if port.isdigit() else look)
        return lines
    for name in names:
        units = " ".join(ALSO.get(name, ()))
        lines.append(
            f"systemctl disable --now {units}" if units
            else f'systemctl disable --now "$(ps -o unit= -p "$(pgrep -xo {name[:15]})")"'
        )  # fmt: skip
    if port.isdigit():
        lines.append(f"ss -{'u' if proto == 'udp' else 't'}lpnH 'sport = :{port}'  # prints nothing when it is off")
    return lines
