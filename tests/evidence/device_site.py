"""A router between the two zones of the small estate, and its configuration as `show running-config` prints it."""

from __future__ import annotations

from collections.abc import Iterable

ROUTER = """! Last configuration change at {changed} UTC Sat Nov 21 2026 by jo
!
version 17.3
hostname core-01
!
enable secret 9 $9$gW3kHn1Tz
!
object-group network PAY-APPS
{apps}!
interface GigabitEthernet0/1
 description App
 ip address 10.20.20.1 255.255.255.0
{app_lists}!
interface GigabitEthernet0/2
 description Data
 ip address 10.20.30.1 255.255.255.0
{data_lists}!
interface GigabitEthernet0/3
 ip address 10.20.40.1 255.255.255.0
!
ip access-list extended APP-IN
{app_in} deny ip any any
ip access-list extended DATA-IN
{data_in} deny ip any any
!
snmp-server community pr1vate RO
ntp clock-period {clock}
end
"""
PAY = " permit tcp object-group PAY-APPS host 10.20.30.31 eq 5432\n"
ANSWERS = " permit tcp host 10.20.30.31 eq 5432 10.20.20.0 0.0.0.255 established\n"


def router(
    *,
    apps: Iterable[str] = ("10.20.20.31",),
    app_in: str = PAY,
    data_in: str = ANSWERS,
    app_lists: str = " ip access-group APP-IN in\n",
    data_lists: str = " ip access-group DATA-IN in\n",
    changed: str = "02:11:40",
    clock: int = 17179869,
) -> str:
    """The configuration; `changed` and `clock` are what changes by itself."""
    members = "".join(f" host {one}\n" for one in apps)
    return ROUTER.format(apps=members, app_in=app_in, data_in=data_in, app_lists=app_lists, data_lists=data_lists,
                         changed=changed, clock=clock)  # fmt: skip
