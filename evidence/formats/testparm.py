"""`testparm -s`: the shares of a Samba server with what its [global] section gives them.

testparm prints what differs from the defaults, under one name for each parameter (seen with Samba 4.17). A share
without its own `hosts allow` or `hosts deny` has the global one; and smbd asks the global lists first, whatever
the share says, so both apply. A print queue is listed and says that it is one; a share that is not available is
listed as possible. What names clients by name, user or include file is kept in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from compliance.traffic.shares import Origin, Residue, Share
from evidence.formats import samba_hosts
from evidence.formats.cursor import Account, Line, ends_whole, lines_of
from evidence.rules import Artefact, FormatError, Lines, Point, Reading, Statement, Unread

NAME = "testparm"
POINT = "shares/smb"
GLOBAL = "global"
HIDDEN = ("ipc$",)  # the pipe service every server has; it holds no files
NO_PERSON = ("root", "bin", "daemon", "sys", "nobody")  # in `invalid users` they take nobody away
RESOLVED = "# Global parameters"  # testparm prints it first; a raw smb.conf has `copy` still to be followed
SNIFFED = re.compile(rb"^[ \t]*\[global\]", re.MULTILINE | re.IGNORECASE)
SECTION = re.compile(r"^\[([^\]]+)\]$")
# What testparm says on standard error, where both outputs were kept.
SAYS_NOTHING = (
    "Load smb config files",
    "Loaded services file",
    "Server role:",
    "Weak crypto is allowed",
    "Press enter",
)
# Other names of a parameter, as smb.conf(5) lists them: (name, whether it means the opposite).
SYNONYMS: dict[str, tuple[str, bool]] = {
    "writeable": ("read only", True),
    "writable": ("read only", True),
    "write ok": ("read only", True),
    "public": ("guest ok", False),
    "only guest": ("guest only", False),
    "allow hosts": ("hosts allow", False),
    "deny hosts": ("hosts deny", False),
    "smb encrypt": ("server smb encrypt", False),
    "min protocol": ("server min protocol", False),
    "directory": ("path", False),
    "print ok": ("printable", False),
    "group": ("force group", False),
    "browsable": ("browseable", False),
}
OLD_DIALECTS = frozenset({"core", "coreplus", "lanman1", "lanman2", "nt1", "default lanman"})
ENFORCED = frozenset({"required", "mandatory", "forced", "force", "enabled"})
OF_MANY = ("@", "+", "&", "%")  # a word of a user list that begins so is a group, or depends on who asks
HOMES = "homes"
OFF = frozenset({"off", "disabled", "no", "false", "0"})
TRUE = frozenset({"yes", "true", "on", "1"})
# Share parameters that stand for others, which the text does not show.
DEPENDS = ("include", "copy")
# What [global] says about every share, those that users share by themselves too.
ABOUT = "samba"
SAID = (
    "hosts allow", "hosts deny", "server min protocol", "server smb encrypt", "server signing", "map to guest",
    "guest account", "restrict anonymous", "usershare allow guests", "usershare max shares", "usershare path",
    "valid users", "invalid users", "force user", "interfaces", "bind interfaces only", "smb ports",
)  # fmt: skip
# The same in [global].
UNSEEN = ("include", "config file", "registry shares", "usershare path")


@dataclass(slots=True)
class Section:
    """One section: its parameters under their own names, and where it stands."""

    name: str
    rows: list[Line]
    values: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """The line of its heading."""
        return self.rows[0].number


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if b"# Global parameters" in head and SNIFFED.search(head):
        return 0.97
    return 0.85 if SNIFFED.search(head) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The shares; each artefact is one whole output. Raises FormatError when [global] is missing."""
    found: list[Share] = []
    said: list[Statement] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        rows = lines_of(artefact)
        account = Account(artefact, len(rows))
        sections = list(_sections(rows, account))
        overall = next((one for one in sections if one.name.lower() == GLOBAL), None)
        if overall is None:
            raise FormatError(
                f"{artefact.name} was not read",
                "there is no [global] section, so it is not the whole output of testparm",
                "Run `testparm -s --suppress-prompt` on the server again.",
            )
        if not ends_whole(artefact):
            account.fail(rows[-1].number, rows[-1].text, "the output ends within a line", POINT)
        resolved = any(row.text.strip() == RESOLVED for row in rows)
        said.append(Statement(ABOUT, GLOBAL, "read", (), account.origin(overall.rows[0])))
        said += [
            Statement(ABOUT, name, overall.values[name], (), account.origin(overall.rows[0]))
            for name in SAID if name in overall.values
        ]  # fmt: skip
        others = [one for one in sections if one is not overall]
        found.extend(_shares(account, overall, others, resolved=resolved))
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    point = Point(POINT, "allow-union", (), len(unread))
    return Reading(
        NAME, points=(point,), shares=tuple(found), unread=tuple(unread), lines=lines, statements=tuple(said)
    )


def _sections(rows: list[Line], account: Account) -> Iterator[Section]:
    current: Section | None = None
    for held, text in _joined(rows):
        headed = SECTION.match(text)
        name, equals, value = text.partition("=")
        if not text or text[0] in "#;" or text.startswith(SAYS_NOTHING):
            for row in held:
                account.ignore(row.number)
            continue
        if any(row.damaged for row in held) or (headed is None and (current is None or not equals)):
            for row in held:
                account.fail(row.number, row.text, "neither a [section] nor a parameter of one", POINT)
            continue
        for row in held:
            account.consume(row.number)
        if headed is not None:
            if current is not None:
                yield current
            current = Section(headed[1].strip(), [])
        elif current is not None:
            _keep(current, " ".join(name.lower().split()), value.strip())
        if current is not None:
            current.rows.extend(held)
    if current is not None:
        yield current


def _joined(rows: list[Line]) -> Iterator[tuple[list[Line], str]]:
    """(lines, text) with lines that end in a backslash joined, as in smb.conf."""
    held: list[Line] = []
    parts: list[str] = []
    for row in rows:
        text = row.text.strip()
        held.append(row)
        continues = text.endswith("\\") and not text.startswith(("#", ";"))
        parts.append(text[:-1].strip() if continues else text)
        if continues and row is not rows[-1]:
            continue
        yield held, " ".join(parts).strip()
        held, parts = [], []


def _keep(section: Section, name: str, value: str) -> None:
    name, opposite = SYNONYMS.get(name, (name, False))
    section.values[name] = ("no" if _true(value) else "yes") if opposite else value


def _true(value: str | None) -> bool:
    return (value or "").strip().lower() in TRUE


def _shares(account: Account, overall: Section, sections: list[Section], *, resolved: bool) -> Iterator[Share]:
    network = samba_hosts.let_in(overall.values.get("hosts allow"), overall.values.get("hosts deny"))
    unseen = [f"{name} = {overall.values[name]}" for name in UNSEEN if overall.values.get(name)]
    for section in sections:
        if section.name.lower() in HIDDEN:
            continue
        values = {**overall.values, **section.values}
        hosts = samba_hosts.both(network, samba_hosts.let_in(values.get("hosts allow"), values.get("hosts deny")))
        text = "\n".join(row.text for row in section.rows)
        origin = Origin(account.digest, account.name, section.first, section.rows[-1].number, text, uid=section.name)
        base = Share(
            server="",
            path=values.get("path", "").strip('"') or section.name,
            protocol="smb",
            clients=samba_hosts.clients(hosts),
            access="ro" if values.get("read only", "yes").lower() not in {"no", "false", "off", "0"} else "rw",
            security=security(values, overall.values),
            squash=_squash(values),
            users=tuple(samba_hosts.words(values.get("valid users", ""))),
            residue=tuple(_residue(section, overall.values, values, hosts, unseen, resolved=resolved)),
            origin=origin,
        )
        yield base
        yield from _exceptions(base, values)


def _exceptions(base: Share, values: Mapping[str, str]) -> Iterator[Share]:
    """Users who may more than the share says: writers of a read-only share, and those who act as root.

    `admin users` of a read-only share may only read (seen with Samba 4.17). Who is in such a list and no valid user is
    not let in at all; where a group may hold him, nobody knows. Guests write only where their account is in the list.
    """
    write: Literal["rw"] = "rw"
    guest = values.get("guest account", "nobody") or "nobody"
    for name in ("write list", "admin users"):
        listed = samba_hosts.words(values.get(name, ""))
        if not listed or (name == "write list" and base.access == "rw"):
            continue
        sure = not base.users or not any(word.startswith(OF_MANY) for word in (*listed, *base.users))
        users = tuple(one for one in listed if not sure or not base.users or one in base.users)
        doubt = () if sure else (Residue("object", f"valid users = {' '.join(base.users)}", base.origin.first),)
        access, squash = (base.access, "admin") if name == "admin users" else (write, base.squash)
        if squash == "guest" and guest not in listed:
            squash = ""
        if users:
            yield replace(base, access=access, users=users, squash=squash, residue=(*base.residue, *doubt))


def security(values: Mapping[str, str], overall: Mapping[str, str] | None = None) -> str:
    """What the server insists on: `encrypt`, `sign`, "" (neither), or `smb1` when it still speaks that dialect.

    `overall`: [global], whose encryption holds before any share is asked for, whatever the share says.
    """
    if any(held.get("server smb encrypt", "").lower() in ENFORCED for held in (values, overall or {})):
        return "encrypt"
    if values.get("server min protocol", "").lower() in OLD_DIALECTS:
        return "smb1"
    return "sign" if values.get("server signing", "").lower() in ENFORCED - {"enabled"} else ""


def _squash(values: Mapping[str, str]) -> str:
    """`guest` when nobody need log in, the forced user when all act as one, "" when each acts as himself.

    Guests come in as the guest account, which `valid users` and `invalid users` may keep out like any user.
    """
    valid, invalid = (samba_hosts.words(values.get(name, "")) for name in ("valid users", "invalid users"))
    guest = values.get("guest account", "nobody") or "nobody"
    kept_out = guest in invalid or (
        valid and guest not in valid and not any(word.startswith(OF_MANY) for word in valid)
    )
    if (_true(values.get("guest ok")) or _true(values.get("guest only"))) and not kept_out:
        return "guest"
    forced = values.get("force user", "")
    return f"user {forced}" if forced else ""


def _residue(
    section: Section,
    overall: Mapping[str, str],
    values: Mapping[str, str],
    hosts: samba_hosts.Hosts,
    unseen: Sequence[str],
    *,
    resolved: bool,
) -> Iterator[Residue]:
    line = section.first
    if section.values.get("available", "yes").lower() in {"no", "false", "off", "0"}:
        yield Residue("match", "available = No", line)
    if _true(values.get("printable")):
        yield Residue("action", "printable = Yes (a print queue)", line)
    own, general = (held.get("server smb encrypt", "").lower() for held in (section.values, overall))
    if own in ENFORCED and general in OFF:
        yield Residue("match", "it must be encrypted, and the server encrypts nothing", line)
    for name in hosts.unsure:
        yield Residue("object", f"hosts {name}", line)
    for text in unseen:
        yield Residue("object", text, line)
    for name in DEPENDS:
        if section.values.get(name) and not (resolved and name == "copy"):
            yield Residue("object", f"{name} = {section.values[name]}", line)
    if section.name.lower() == HOMES:
        yield Residue("object", "[homes] stands for a share of each user", line)
    readers = [user for user in samba_hosts.words(values.get("read list", ""))
               if user not in samba_hosts.words(values.get("write list", ""))]  # fmt: skip
    if readers and values.get("read only", "yes").lower() in {"no", "false", "off", "0"}:
        yield Residue("match", f"read list = {' '.join(readers)}", line)
    if _squash(values) == "guest":
        several = [word for name in ("valid users", "invalid users") for word in samba_hosts.words(values.get(name, ""))
                   if word.startswith(OF_MANY)]  # fmt: skip
        named = (values.get("guest account", "nobody") or "nobody") in samba_hosts.words(values.get("valid users", ""))
        chosen = values.get("guest account", "nobody") or "nobody"
        if chosen != "nobody" and (readers or several):
            yield Residue("match", f"guest account: {chosen}, of which lists of users may say more", line)
        elif readers and any(word.startswith(OF_MANY) for word in readers):
            yield Residue("match", f"guest account: whether it belongs to {' '.join(readers)} is not known", line)
        if several and not named:
            yield Residue("match", f"guest account: whether it belongs to {' '.join(several)} is not known", line)
    excluded = [user for user in samba_hosts.words(values.get("invalid users", "")) if user not in NO_PERSON]
    if excluded:
        yield Residue("match", f"invalid users = {' '.join(excluded)}", line)
    if "%" in values.get("path", ""):
        yield Residue("object", f"path = {values['path']}", line)
