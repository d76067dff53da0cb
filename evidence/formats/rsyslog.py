"""`rsyslog.conf` (and its `.d` files): to which servers a host's log goes, in the old notation and in RainerScript.

`*.* @@10.20.9.7:514`, `:omrelp:…`, `action(type="omfwd" target="…")`. What goes on under a condition, in a ruleset or
for some facilities only is said so, for nobody here works out which messages that leaves. Files that are included and
not given are named: they may forward, or stop, anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "rsyslog"
ABOUT = "logs"
EVERYTHING, SOME = "everything", "some of it: a condition or a ruleset decides"
MOST_LINES = 400  # of one statement; what goes on longer is not one
SNIFFED = re.compile(
    rb"^(?:[ \t]*\$(?:ModLoad|IncludeConfig|ActionFileDefaultTemplate|FileOwner|WorkDirectory)\b"
    rb"|[ \t]*(?:module|action|global|input)\([a-zA-Z.]+=\"|[*a-z0-9,]+\.[*a-z]+\S*[ \t]+(?:-?/var/log|@@?[\w\[(]))",
    re.MULTILINE,
)
PART = r"[a-z0-9*,]+\.[=!]{0,2}[a-z0-9*]+"
SELECTOR = re.compile(rf"^{PART}(?:;{PART})*;?$", re.IGNORECASE)
FILTER = re.compile(r'^:[\w!$.%-]+, *!?[a-z_]+, *"(?:[^"\\]|\\.)*"$', re.IGNORECASE)
FORWARD = re.compile(
    r"^@(?P<tcp>@)?(?:\([^)\s]*\))?(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:;\[\]()]+)(?::(?P<port>\d{1,5}))?(?:;\S+)?$"
)
RELP = re.compile(r"^:omrelp:(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:;\[\]]+)(?::(?P<port>\d{1,5}))?(?:;\S+)?$")
LOCAL = re.compile(
    r"^(?:-?/\S+|\|\s*/\S+|-?\?\S+|~|stop|\*|:om(?:usrmsg|file|pipe|discard|stdout|null):\S*|[a-z_][\w.,-]*)(?:;\S+)?$"
)
PARAMETER = re.compile(r'(?<![\w.])([A-Za-z][\w.]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
ACTION = re.compile(r"\baction\s*\(", re.IGNORECASE)
# An escaped mark begins no text: each would be followed to the end of the line
TEXT = re.compile(r"""(?<!\\)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
MOST_OPEN = 50  # brackets of actions of one statement that nothing closes
PARAMETERS = re.compile(r'(?:[^()"]|"(?:[^"\\]|\\.)*")*+')
# Objects that load, listen, name or queue: none of them sends a message away.
SETTINGS = re.compile(
    r"^(?:module|global|input|template|main_queue|parser|timezone|lookup_table|dyn_stats|percentile_stats|ratelimit)\s*\(",
    re.IGNORECASE,
)
CONTROL = re.compile(
    r"^(?:[{}\s]|ruleset\s*\(|if\b|else\b|then\b|stop\b|continue\b|call(?:_indirect)?\b|set\b|unset\b|reset\b|foreach\b"
    r"|reload_lookup_table\b|property\b|constant\b)",
    re.IGNORECASE,
)
SENDING = {"omfwd": "host", "omrelp": "host", "omudpspoof": "host", "omhttp": "server", "omelasticsearch": "server",
           "omkafka": "broker", "omazureeventhubs": "host", "ommongodb": "server", "omsnmp": "server",
           "omhiredis": "server", "omamqp1": "host", "ommysql": "server", "ompgsql": "server"}  # fmt: skip


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a file, 0 to 1."""
    if SNIFFED.search(head):
        return 0.85
    return 0.6 if "rsyslog" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """Each target: subject its address, value what goes there; included files as `include` with their pattern."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    depth, selector = 0, ""
    for held, text in _joined(rows):
        if not text:
            _each(account.ignore, held)
            continue
        found = None if any(row.damaged for row in held) else _one(text, selector, inside=depth > 0)
        if found is None:
            for row in held:
                account.fail(row.number, row.text, "not a statement of rsyslog that this version reads", point)
            continue
        sent, chosen = found
        selector = chosen or selector
        depth = max(0, depth + _balance(text, "{", "}"))
        _each(account.consume if sent else account.ignore, held)
        for subject, value, details in sent:
            yield Statement(ABOUT, subject, value, details, account.origin(held[0]))


def _each(put: object, rows: list[Line]) -> None:
    if callable(put):
        for row in rows:
            put(row.number)


def _joined(rows: list[Line]) -> Iterator[tuple[list[Line], str]]:
    """(lines, text without comments) of each statement: it goes on while a bracket is open or a backslash ends it."""
    held: list[Line] = []
    parts: list[str] = []
    commented, depth = False, 0
    for row in rows:
        text, commented = _without_comment(row.text, commented)
        held.append(row)
        continues = text.endswith("\\")
        parts.append(text.rstrip("\\").strip())
        depth += _balance(parts[-1], "(", ")")
        if (continues or commented or depth > 0) and row is not rows[-1] and len(held) < MOST_LINES:
            continue
        yield held, " ".join(part for part in parts if part)
        held, parts, depth = [], [], 0


def _without_comment(text: str, commented: bool) -> tuple[str, bool]:
    """The text of a line before `#` and outside `/* */`, and whether such a comment is still open."""
    kept: list[str] = []
    quoted, at = "", 0
    directive = text.lstrip().startswith("$")  # its value goes to the end of the line, `/*` in a pattern too
    while at < len(text):
        two = text[at : at + 2]
        if commented:
            commented, at = two != "*/", at + (2 if two == "*/" else 1)
            continue
        sign = text[at]
        if quoted:
            kept.append(text[at : at + 2] if sign == "\\" else sign)
            at += 2 if sign == "\\" else 1
            quoted = "" if sign == quoted else quoted
            continue
        if two == "/*" and not directive and (at == 0 or text[at - 1] in " \t;{}"):
            commented, at = True, at + 2
            continue
        if sign == "#":
            break
        quoted = sign if sign in "\"'" else ""
        kept.append(sign)
        at += 1
    return "".join(kept).strip(), commented


def _balance(text: str, opens: str, closes: str) -> int:
    bare = TEXT.sub("", text)
    return bare.count(opens) - bare.count(closes)


Sent = list[tuple[str, str, tuple[tuple[str, str], ...]]]


def _one(text: str, selector: str, *, inside: bool) -> tuple[Sent, str] | None:
    """(where a statement sends messages, the selector that holds for a following `&`); None: it was not understood."""
    if text.startswith("$"):
        name, _, rest = text.partition(" ")
        if name.lower() == "$includeconfig":
            return [_include(rest.strip())], ""
        return ([], "") if re.match(r"^\$!?[A-Za-z]\w*", name) else None
    if text.lower().startswith("include"):
        given = {key.lower(): value for key, value in PARAMETER.findall(text)}
        return ([_include(given["file"])], "") if "file" in given else None
    if SETTINGS.match(text):
        return [], ""
    closed = _actions(text)
    if closed is None:
        return None
    actions = [{key.lower(): value for key, value in PARAMETER.findall(one)} for one in closed]
    controlled = inside or CONTROL.match(text) is not None
    if actions:
        first, _, _ = text.partition(" ")
        chosen = first if SELECTOR.match(first) else selector if text.startswith("&") else ""
        value = SOME if controlled else _value(chosen)
        return [sent for one in actions for sent in _by_action(one, value)], chosen
    if CONTROL.match(text):
        # `if $x then @@host` and `then :omrelp:host` have no bracket around their action
        last = text.rstrip(" }").rpartition(" ")[2]
        return [*_by_text(last, SOME)] if last.startswith(("@", ":omrelp:")) else [], ""
    return _old(text, selector, inside=inside)


def _actions(text: str) -> list[str] | None:
    """What stands between the brackets of each `action(…)`; None: so many are not closed that none is believed.

    One that is not closed may be a word of a text, and the next one be right. Each is looked for to the end, which is
    why there is a bound.
    """
    found: list[str] = []
    read = left_open = 0
    for action in ACTION.finditer(text):
        if action.end() <= read:
            continue  # inside another one
        held = PARAMETERS.match(text, action.end())
        if held is not None and text.startswith(")", held.end()):
            found.append(held[0])
            read = held.end()
        elif (left_open := left_open + 1) > MOST_OPEN:
            return None
    return found


def _old(text: str, selector: str, *, inside: bool) -> tuple[Sent, str] | None:
    """A selector or a property filter, and one action behind it."""
    if text.startswith("&"):
        chosen, action = selector, text[1:].strip()
    elif text.startswith(":") and not text.startswith(":om"):
        chosen, _, action = (part.strip() for part in text.rpartition(" "))
        if not FILTER.match(chosen):
            return None
    else:
        words = text.split(None, 1)
        chosen, action = (words[0], words[1].strip()) if len(words) == 2 else ("", text)
        if (chosen and not SELECTOR.match(chosen)) or (not chosen and not inside):
            return None
    found = _by_text(action, SOME if inside else _value(chosen))
    if found or LOCAL.match(action):
        return found, chosen
    return None


def _value(selector: str) -> str:
    return EVERYTHING if selector in {"*.*", ""} else selector


def _by_text(action: str, value: str) -> Sent:
    relp = RELP.match(action)
    found = relp or FORWARD.match(action)
    if found is None:
        return []
    protocol = "relp" if relp else "tcp" if found["tcp"] else "udp"
    return [_target(found["host"], found["port"] or ("2514" if relp else "514"), protocol, value)]


def _by_action(given: dict[str, str], value: str) -> Sent:
    kind = given.get("type", "").lower()
    if kind not in SENDING:
        return []
    host = given.get("target") or given.get(SENDING[kind]) or "a target that is not written here"
    port = given.get("port") or given.get("serverport") or ("514" if kind == "omfwd" else "")
    protocol = given.get("protocol", "udp").lower() if kind == "omfwd" else kind.removeprefix("om")
    tls = (
        (("encrypted", given["streamdriver"]),)
        if given.get("streamdrivermode") == "1" and "streamdriver" in given
        else ()
    )
    subject, said, details = _target(host, port, protocol, value)
    return [(subject, said, (*details, *tls))]


def _target(host: str, port: str, protocol: str, value: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return host.strip("[]"), value, (("port", port), ("protocol", protocol), ("by", "rsyslog"))


def _include(pattern: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return pattern, "include", (("by", "rsyslog"),)
