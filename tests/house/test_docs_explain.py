"""The documentation explains: each verdict, role, format, command, number and alert has a sentence; links arrive."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from tests.house.source import TOP, files, name, tree

DOCS = TOP / "docs"
PAGES = tuple(path for path in files(".md") if name(path).startswith("docs/"))
WRITTEN = tuple(path for path in files(".md") if "/" not in name(path) or name(path).startswith("docs/"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?://|mailto:)([^)\s]*)\)")
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*```[a-z]*\n(.*?)^\s*```$", re.M | re.S)


def rows(page: str, below: str = "") -> dict[str, list[str]]:
    """The rows of a page's tables that begin with code: `name` → the other cells; only `below` a heading if given."""
    text = (DOCS / page).read_text()
    if below:
        text = text.partition(f"\n{below}\n")[2].partition("\n## ")[0]
    found = {}
    for line in text.splitlines():
        first = re.match(r"\| \[?`([^`]+)`", line)
        if first:
            found.setdefault(first[1], [cell.strip() for cell in line.strip("|").split(" | ")][1:])
    return found


def sections(path: Path) -> dict[str, str]:
    """Heading of the second level → what stands under it."""
    parts = re.split(r"^## ", path.read_text(), flags=re.M)[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}


def says_something(text: str) -> bool:
    """Whether it is a sentence and not only a word."""
    return len(re.findall(r"\w+", text)) >= 4


# --- What is said of rules, people and packs ---------------------------------------------------------------------


def test_every_verdict_has_a_page_that_says_what_it_means_and_what_cures_it() -> None:
    from compliance.words import VERDICTS
    from evidence.actions.findings import NO_FINDING, SEVERITY
    from evidence.rules import Verdict

    pages = {path.stem: path for path in PAGES if path.parent.name == "verdicts"}
    assert set(pages) == {verdict.value for verdict in Verdict} == set(rows("verdicts.md"))
    for verdict in Verdict:
        page = pages[verdict.value]
        found = sections(page)
        assert list(found) == ["What it means", "What proves it", "What to do", "When it is cured"], name(page)
        thin = [heading for heading, text in found.items() if not says_something(text) and text != "Nothing."]
        assert not thin, f"{name(page)}: {thin}"
        top = page.read_text().partition("\n## ")[0]
        assert top.startswith(f"# {VERDICTS[verdict.value].label}\n\n`{verdict.value}`. ")
        severity = SEVERITY.get(verdict, "low")
        assert ("Not a finding" if verdict in NO_FINDING else f"Severity: {severity}") in top, name(page)


def test_every_role_has_a_page_with_all_that_it_may() -> None:
    from compliance.models import TRANSITIONS, Role
    from compliance.permissions import VERBS

    verbs = {**VERBS, **{verb: step.roles for verb, step in TRANSITIONS.items()}}
    for role in Role:
        page = DOCS / "roles" / f"{role.value.replace('_', '-')}.md"
        found = list(sections(page))
        assert found[:5] == [
            "What you see first", "What you decide", "Your quarter of an hour", "What you may never do",
            "When you are refused",
        ], name(page)  # fmt: skip
        table = rows(f"roles/{page.name}", "## Everything this role may do")
        assert set(table) == {verb for verb, roles in verbs.items() if role.value in roles}, name(page)
        assert [verb for verb, cells in table.items() if not says_something(cells[0])] == []
    officer = (DOCS / "roles" / "authorising-officer.md").read_text()
    from compliance.risk_eyes import BY_OFFICER

    assert [verb for verb in BY_OFFICER if f"`{verb}`" not in officer] == []


def test_every_section_of_a_pack_is_explained() -> None:
    from django.conf import settings

    slugs = set()
    for path in files(".py"):
        if name(path).startswith(("evidence/packs/sections/", "reviews/pack_section")):
            slugs |= set(re.findall(r"\bSection\(\s*\"([a-z]+)\"", path.read_text()))
    assert len(slugs) == len(settings.PACK_SECTIONS)
    told = {cells[0].strip("`"): cells[1] for cells in parts_of_packs()}
    assert slugs == set(told), f"docs/packs.md has {sorted(told)}"
    assert [slug for slug, text in told.items() if not says_something(text)] == []


def parts_of_packs() -> list[list[str]]:
    """The rows of the table of sections in docs/packs.md: slug and what it answers."""
    text = (DOCS / "packs.md").read_text().partition("| section ")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")][1:] for line in text.splitlines()[2:]]


# --- Sources -------------------------------------------------------------------------------------------------------


def test_every_format_has_its_command_its_account_and_what_is_not_read() -> None:
    from evidence.formats.table import FORMATS

    table = rows("sources/formats.md")
    named = {entry.NAME for entry in FORMATS}
    assert named == set(table)
    assert [key for key, cells in table.items() if len(cells) != 4 or not all(cells)] == []
    assert [key for key, cells in table.items() if len(re.findall(r"\w+", cells[2])) < 3] == []
    assert [key for key, cells in table.items() if not cells[1].startswith(("root", "anybody"))] == []


def test_every_kind_of_source_has_a_page_with_the_least_it_needs() -> None:
    from evidence.models import Source

    kinds = {value for value, _ in Source._meta.get_field("kind").choices or ()}
    assert kinds == set(rows("sources.md")) & kinds
    for kind in kinds:
        text = (DOCS / "sources" / f"{kind}.md").read_text()
        cells = dict(re.findall(r"^\| ([a-zA-Z ]+) \| (.+) \|$", text, re.M))
        assert f"kind `{kind}`" in text
        assert any(key.startswith("account") for key in cells), kind
        assert {"is read", "is not read"} <= set(cells) or kind == "local", kind


def test_what_a_host_is_asked_is_documented() -> None:
    script = (TOP / "deploy/linux/eastwest-pull").read_text()
    asked = re.findall(r"^[RS-] (.+)$", script.partition("<<'LIST'")[2].partition("\nLIST")[0], re.M)
    assert len(asked) > 10
    text = " ".join((DOCS / "sources" / "ssh.md").read_text().split())
    texts = text + " ".join((DOCS / "sources" / "formats.md").read_text().split())
    silent = {"iptables-legacy-save", "ip6tables-legacy-save"}  # told as "both legacy ones"
    named = [line for line in asked if f"`{line}`" not in texts and line not in silent]
    assert [line for line in named if not line.startswith("cat /proc/net/")] == []


# --- Commands, numbers, alerts ---------------------------------------------------------------------------------------


def test_every_command_is_explained() -> None:
    from evidence.cli import COMMANDS

    text = (DOCS / "commands.md").read_text()
    ours = {path.stem for path in files(".py") if "management/commands/" in name(path)} - {"__init__"}
    wanted = [f"| `./run eastwest {command} " for command in COMMANDS] + [f"| `./run manage {each}`" for each in ours]
    assert [start for start in wanted if start not in text] == []
    told = re.findall(r"^\| `[^|]+ \| ([^|]+) \|$", text, re.M)
    assert len(told) >= len(wanted)
    assert [line for line in told if not says_something(line)] == []


def test_every_number_and_alert_is_explained() -> None:
    numbers = set()
    for path in files(".py"):
        if name(path) in ("compliance/watching.py", "evidence/watching.py"):
            for node in ast.walk(tree(path)):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
                if called and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                    if node.func.id in ("gauge", "by_label"):  # type: ignore[attr-defined]
                        numbers.add(f"eastwest_{node.args[0].value}")
                    elif node.func.id == "GaugeMetricFamily":  # type: ignore[attr-defined]
                        numbers.add(str(node.args[0].value))
    assert len(numbers) > 8
    text = (DOCS / "operating.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| `eastwest_")]
    told = set(re.findall(r"`(eastwest_[a-z_]+)(?:\{[a-z,]+\})?`", "\n".join(lines)))
    assert numbers == told
    alerts = re.findall(r"alert: (\w+)", (TOP / "deploy/prometheus/eastwest.rules.yml").read_text())
    table = rows("operating.md", "## Alerts")
    assert set(alerts) == set(table)
    assert [alert for alert, cells in table.items() if not says_something(cells[0])] == []


def test_every_address_of_the_api_is_explained() -> None:
    from django.urls import URLPattern, get_resolver

    resolver = get_resolver()
    api = [each for each in resolver.url_patterns if str(each.pattern) == "api/v1/"]
    wanted = set()
    for pattern in [pattern for each in api for pattern in each.url_patterns]:  # type: ignore[union-attr]
        if isinstance(pattern, URLPattern):
            path = re.sub(r"<(\w+):number>", lambda found: f"{found[1].upper()}-42", str(pattern.pattern))
            wanted.add(path.replace("<str:name>", "NAME"))
    assert len(wanted) > 15
    told = {"schema/"}  # it stands in the first sentence: the document that describes every address
    for line in (DOCS / "api.md").read_text().splitlines():
        codes = re.findall(r"`([^`]+/)`", line.split(" | ")[0]) if line.startswith("| `") else []
        above = codes[0].rstrip("/").rpartition("/")[0] if codes else ""
        told |= {each.replace("…/", "") for each in codes} | {f"{above}/{each.replace('…/', '')}" for each in codes}
        assert not codes or says_something(line.partition(" | ")[2]), line
    assert wanted - told == set()


def test_every_setting_has_a_sentence() -> None:
    lines = [line for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")]
    assert len(lines) > 30
    assert [line for line in lines if not says_something(line.split(" | ")[-1])] == []


def commands_written() -> list[tuple[str, str]]:
    """Each line of a fenced block that calls ./run or eastwest, with its page; variables and notes are cut off."""
    found = []
    for path in WRITTEN:
        for block in FENCE.findall(path.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                words = re.sub(r"^\s*(?:[A-Z_]+=\S+\s+)*", "", line.partition(" #")[0]).strip()
                if words.startswith(("./run", "eastwest ")):
                    found.append((name(path), words))
    return found


def test_every_command_line_that_is_shown_exists() -> None:
    from evidence.cli import parser

    script = (TOP / "run").read_text()
    groups = re.findall(r"^    ([a-z]+(?: \| [a-z]+)*)\)", script, re.M)
    known = {word for group in groups for word in group.split(" | ")}
    managed = {path.stem for path in files(".py") if "management/commands/" in name(path)}
    shown = commands_written()
    assert len(shown) > 20
    wrong = []
    for page, line in shown:
        words = shlex.split(line.replace("…", "x"))
        said = words[1:] if words[0] == "./run" else ["eastwest", *words[1:]]
        if said and said[0] not in known:
            wrong.append(f"{page}: {line}")
        elif said[:1] == ["eastwest"]:
            try:
                parser().parse_args([word for word in said[1:] if word not in (">", "|")])
            except SystemExit:
                wrong.append(f"{page}: {line}")
        elif said[:1] == ["manage"] and said[1] not in managed | {"collectstatic", "migrate"}:
            wrong.append(f"{page}: {line}")
    assert not wrong, "\n".join(wrong)


# --- Links and pictures ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anchors() -> dict[Path, set[str]]:
    """The anchors of each page."""
    from compliance.views.help_pages import anchors as made

    found = {}
    for path in WRITTEN:
        text = FENCE.sub("", path.read_text())
        found[path] = set(made(re.findall(r"^#{1,4} (.+)$", text, re.M)))
    return found


def test_every_link_arrives_at_its_heading(anchors: dict[Path, set[str]]) -> None:
    wrong = []
    for path in WRITTEN:
        for link in LINK.findall(path.read_text()):
            target, _, anchor = link.partition("#")
            page = (path.parent / target).resolve() if target else path
            if not page.exists() or (anchor and anchor not in anchors.get(page, set())):
                wrong.append(f"{name(path)}: {link}")
    assert not wrong, "\n".join(wrong)


def test_every_page_is_reached_from_the_index() -> None:
    seen, next_ones = set(), [DOCS / "README.md"]
    while next_ones:
        page = next_ones.pop()
        if page in seen:
            continue
        seen.add(page)
        links = [link.partition("#")[0] for link in LINK.findall(page.read_text())]
        next_ones += [found for link in links if (found := (page.parent / link).resolve()) in PAGES]
    apart = {page for page in PAGES if page.parent.name == "adr"}
    assert [name(page) for page in PAGES if page not in seen | apart] == []
    assert "](docs/README.md)" in (TOP / "README.md").read_text()


def test_every_link_of_the_interface_into_the_help_arrives(anchors: dict[Path, set[str]]) -> None:
    found = 0
    for path in files(".html", ".py"):
        if not name(path).startswith(("templates/", "compliance/", "evidence/", "reviews/")):
            continue
        for target, anchor in re.findall(r'"/help/([a-z_/-]*)(?:#([\w-]+))?"', path.read_text()):
            found += 1
            page = DOCS / f"{target.strip('/') or 'README'}.md"
            page = page if page.exists() else DOCS / target / "README.md"
            assert target == "changes/" or page.exists(), f"{name(path)}: /help/{target}"
            assert not anchor or anchor in anchors[page], f"{name(path)}: /help/{target}#{anchor}"
    assert found >= 3


def test_every_picture_is_there_is_small_and_is_shown_somewhere() -> None:
    named = {(path.parent / link).resolve() for path in WRITTEN for link in PICTURE.findall(path.read_text())}
    held = set((DOCS / "pictures").iterdir())
    assert named == held
    assert [path.name for path in held if path.suffix not in (".png", ".webp")] == []
    assert [path.name for path in held if path.stat().st_size > 150_000] == []


def test_a_page_is_finished_in_five_minutes() -> None:
    reference = {"settings.md", "estate.md"}  # looked up in, not read through
    long = {name(path): len(path.read_text().split()) for path in PAGES if path.name not in reference}
    assert {page: words for page, words in long.items() if words > 1400} == {}


def test_decisions_have_numbers_of_their_own() -> None:
    decisions = [page for page in PAGES if page.parent.name == "adr"]
    assert len({page.name[:4] for page in decisions}) == len(decisions)
    wrong = [page.name for page in decisions if not re.match(rf"# 0*{int(page.name[:4])}\b", page.read_text())]
    assert wrong == []
