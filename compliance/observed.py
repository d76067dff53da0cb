"""By what the members of a dynamic group are known: one thing of one account and region that names its machines.

Kept as one text, as the register file has it: `aws:KIND/ACCOUNT/REGION/NAME`, such as
`aws:tag/123456789012/ap-southeast-2/role=web`. The same name elsewhere is another thing: a tag or an autoscaling group
of an account that is read later never widens what was agreed to.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

GROUP, TAG, SCALING = "security-group", "tag", "autoscaling"
KINDS: Final = {GROUP: "security group", TAG: "tag", SCALING: "autoscaling group"}
NAMES: Final = {  # what AWS lets each be called; no sign that is not printed
    GROUP: re.compile(r"sg-[0-9a-f]{8,17}"),
    TAG: re.compile(r"[^=]{1,128}=.{0,256}"),
    SCALING: re.compile(r"[^:]{1,255}"),
}
SAMPLES: Final = {GROUP: "sg-0123456789abcdef0", TAG: "role=web", SCALING: "web"}
ACCOUNT: Final = re.compile(r"[0-9]{12}")
REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2}")
LONGEST: Final = 500
PEOPLE: Final = "people"  # how a register file and a form say that nothing shows them: people name them
BY_PEOPLE: Final = "people, who name them"


class Observed(NamedTuple):
    """A security group by its id, a tag as key=value, or an autoscaling group by its name; whose it is, and where."""

    kind: str
    account: str
    region: str
    name: str

    @property
    def text(self) -> str:
        """As it is kept."""
        return f"aws:{self.kind}/{self.account}/{self.region}/{self.name}"

    @property
    def words(self) -> str:
        """As people read it."""
        return f"the {KINDS[self.kind]} {self.name} in AWS account {self.account}, {self.region}"


def parse(text: str) -> Observed:
    """The statement that a text is. Raises ValueError with a sentence."""
    provider, _, rest = text.strip().partition(":")
    parts = rest.split("/", 3)
    if provider != "aws" or len(parts) != 4:
        raise ValueError(f"{text[:80]!r} is not of the form aws:tag/123456789012/ap-southeast-2/role=web")
    return made(*parts)


def made(kind: str, account: str, region: str, name: str) -> Observed:
    """A statement of its parts. Raises ValueError with a sentence."""
    if kind not in KINDS:
        raise ValueError(f"{kind[:40]!r} is none of {', '.join(KINDS)}")
    if not ACCOUNT.fullmatch(account):
        raise ValueError(f"{account[:40]!r} is no number of an AWS account, which has twelve digits")
    if not REGION.fullmatch(region):
        raise ValueError(f"{region[:40]!r} is no region such as ap-southeast-2")
    if not NAMES[kind].fullmatch(name) or not name.isprintable() or name != name.strip():
        raise ValueError(f"{name[:80]!r} is no {KINDS[kind]} such as {SAMPLES[kind]}")
    return Observed(kind, account, region, name)


def said(text: str) -> str:
    """A kept statement as people read it, "" that there is none; what is no statement stays as it is."""
    if not text:
        return BY_PEOPLE
    try:
        return parse(text).words
    except ValueError:
        return text
