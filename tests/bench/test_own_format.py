"""A format of somebody else: the example of the documentation joins by its entry point and keeps the contract."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence import contract
from evidence.formats import joined, table
from evidence.rules import Artefact, FormatError

ROOT = Path(__file__).resolve().parents[2]
WALL = "# acme-wall\npermit tcp 10.0.0.1 10.0.0.2 443\ndeny udp 10.0.0.1 10.0.0.2 53\nlet it be\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package of the example, and one that cannot be loaded, as an installer leaves them."""
    page = (ROOT / "docs" / "own-format.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    names = re.search(r"```toml\n\[project\.entry-points\.\"(.*?)\"\]\n(\S+) = \"(\S+)\"", page)
    assert code
    assert names
    (tmp_path / f"{names[3]}.py").write_text(code[1])
    (tmp_path / "broken_wall.py").write_text("raise RuntimeError('no licence')\n")
    for package, module in (("acme", names[3]), ("broken", "broken_wall")):
        info = tmp_path / f"{package}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{names[1]}]\n{package}-wall = {module}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    joined.joined.cache_clear()
    (tmp_path / "wall.txt").write_text(WALL)
    yield tmp_path
    joined.joined.cache_clear()
    for name in (names[3], "broken_wall"):
        sys.modules.pop(name, None)


def test_the_example_is_told_and_read_beside_the_formats_of_this_version(installed: Path) -> None:
    found = table.detect(Artefact("wall.txt", WALL.encode()))
    assert found.NAME == "acme-wall"
    reading = found.read([Artefact("wall.txt", WALL.encode())])
    assert [one.line for one in reading.unread] == [4]
    assert reading.lines["wall.txt"].consumed == 2


def test_one_that_cannot_be_loaded_is_said_where_a_file_is_not_read(installed: Path) -> None:
    with pytest.raises(FormatError) as caught:
        table.detect(Artefact("what.bin", b"what is this\n"))
    assert "the format broken-wall of broken does not take part: RuntimeError: no licence" in caught.value.why


def test_the_example_keeps_the_contract_and_a_careless_one_does_not(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert contract.main(["acme_wall", str(installed / "wall.txt")]) == 0
    assert capsys.readouterr().out.count("kept") == len(contract.PROMISES)
    text = (installed / "acme_wall.py").read_text()
    for good, bad in (("account.ignore(line.number)", "pass"), ("(ValueError, KeyError)", "ZeroDivisionError")):
        text = text.replace(good, bad)
    (installed / "careless_wall.py").write_text(text.replace("0.95 if", "0.45 if"))
    assert contract.main(["careless_wall", str(installed / "wall.txt")]) == 1
    said = capsys.readouterr().out
    assert said.count("BROKEN") >= 3
    assert "sniff says 0.45 of wall.txt" in said
    assert contract.main(["no_such_wall", str(installed / "wall.txt")]) == 2
