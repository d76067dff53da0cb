"""What to type to switch off a service that nobody authorised. Pure; shown to a person, never run from here.

The program is found by the port it holds, never by its name, which several services may share, and its unit is asked of
systemd on the server itself. No word that a host said of itself reaches a command.
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
    look = f"ss -{'u' if proto == 'udp' else 't'}lpnH" + (f" 'sport = :{port}'" if port.isdigit() else "")
    if not port.isdigit():
        return [*lines, f"{look}  # which unit holds them"]
    if process == "systemd":
        return [*lines, f"systemctl list-sockets --all | grep -w {port}  # names the unit to disable"]
    if process in ALSO:
        lines.append(f"systemctl disable --now {' '.join(ALSO[process])}")
    else:
        lines += [
            f"pid=$({look} | grep -o 'pid=[0-9]*' | head -n1 | cut -d= -f2)",
            'ps -o pid,unit,args -p "$pid"  # look whether it is what is meant',
            'systemctl disable --now "$(ps -o unit= -p "$pid")"',
        ]
    return [*lines, f"{look}  # prints nothing when it is off"]
