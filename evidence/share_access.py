"""What a server answers to one client: may this address, as this user, read or write that share? Pure.

It asks the lines of a reading as the server does. Where a line rests on what the dump does not say (a name, a group, a
folder that depends on the user) the answer is that it is not known, and why. Held against real servers by
`./run oracle --shares`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from compliance.traffic.boxes import TOP, Family
from compliance.traffic.shares import Share

May = Literal["rw", "ro", "no", "unknown"]
Dialect = Literal["smb1", "smb2", "smb3"]  # the newest a client speaks; only the last can encrypt
GUEST: Final = ""  # the user of somebody who does not log in
GROUPS: Final = ("@", "+", "&", "%")  # what begins a word that is no plain user
RANK: Final[dict[May, int]] = {"no": 0, "ro": 1, "rw": 2, "unknown": 3}


class Client(NamedTuple):
    """Who asks: an address, a user (`GUEST`: nobody logs in), what the client can speak."""

    family: Family
    address: int
    user: str = GUEST
    dialect: Dialect = "smb3"


class Answer(NamedTuple):
    """What the server does, and why."""

    may: May
    because: str


def smb(lines: Sequence[Share], client: Client) -> Answer:
    """What a Samba server answers about one share. `lines`: all lines of the reading about it."""
    answers = [_smb(line, client) for line in lines]
    unknown = next((one for one in answers if one.may == "unknown"), None)
    best = max(answers, key=lambda one: RANK[one.may] if one.may != "unknown" else 0, default=Answer("no", "no share"))
    if unknown is not None and best.may != "rw":
        return unknown
    return best


def _smb(line: Share, client: Client) -> Answer:
    inside = any(_holds(box, client) for box in line.clients if not isinstance(box, str))
    names = [one for one in line.clients if isinstance(one, str)]
    if not inside:
        why = f"whom {' '.join(names)} means is not in the dump"
        return Answer("unknown", why) if names else Answer("no", "its address is not let in")
    if line.security == "encrypt" and client.dialect != "smb3":
        return Answer("no", "the server takes encrypted traffic only")
    if client.dialect == "smb1" and line.security != "smb1":
        return Answer("no", "the server does not speak SMB 1")
    if client.user == GUEST and line.security in {"sign", "encrypt"} and line.squash == "guest":
        return Answer("unknown", "who does not log in has no key to sign with")
    doubts = [one.text for one in line.residue if not one.text.startswith((INVALID, READERS, GUESTS))]
    if doubts:
        return Answer("unknown", "; ".join(doubts))
    return _as_user(line, client.user)


INVALID: Final = "invalid users = "
READERS: Final = "read list = "
GUESTS: Final = "guest account: "
ACCOUNT: Final = "nobody"  # Samba's guest account unless somebody chose another, which is said as a doubt


def _as_user(line: Share, user: str) -> Answer:
    unsure = next((one.text for one in line.residue if one.text.startswith(GUESTS)), "")
    if user == GUEST and line.squash == "guest" and unsure:
        return Answer("unknown", unsure)
    readers = [one.text.removeprefix(READERS).split() for one in line.residue if one.text.startswith(READERS)]
    if user == GUEST and line.squash == "guest" and any(ACCOUNT in words for words in readers):
        return Answer("ro", "guests are let in, and their account may only read")
    if user == GUEST:
        return Answer(line.access, "guests are let in") if line.squash == "guest" else Answer("no", "no guests")
    shut_out = [one.text.removeprefix(INVALID).split() for one in line.residue if one.text.startswith(INVALID)]
    for words in shut_out:
        if user in words:
            return Answer("no", f"{user} is an invalid user")
        if any(word.startswith(GROUPS) for word in words):
            return Answer("unknown", f"who belongs to {' '.join(words)} is not in the dump")
    if line.users and user not in line.users:
        if any(word.startswith(GROUPS) for word in line.users):
            return Answer("unknown", f"who belongs to {' '.join(line.users)} is not in the dump")
        return Answer("no", f"{user} is no valid user")
    for words in readers:
        if user in words:
            return Answer("ro", f"{user} may only read")
        if any(word.startswith(GROUPS) for word in words):
            return Answer("unknown", f"who belongs to {' '.join(words)} is not in the dump")
    return Answer(line.access, "it is let in")


def _holds(box: Sequence[int], client: Client) -> bool:
    return box[3] == TOP[client.family] and box[0] <= client.address <= box[1]
