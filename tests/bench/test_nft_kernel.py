"""Every construct of nft_constructs.py through the real nft: loaded, dumped, read, and asked of the kernel.

Needs root (or CAP_NET_ADMIN) for a network namespace of its own; without it the test says so and is skipped.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.rules import Artefact, Reading
from tests.bench.nft_constructs import DEFINITIONS, DOUBTFUL, EXACT, WHOLE
from tests.oracle import compare, layout, packets, vocabulary
from tests.oracle.compare import Tally
from tests.oracle.kernel import Kernel, host
from tests.oracle.namespace import Namespace, NotPossible, ToolRefused, missing
from tests.oracle.rulesets import Ruleset

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
POINT = "FORWARD"
PACKETS = 10  # for each family
# What a kernel may have been built without; the tool says so in these words.
NOT_BUILT = ("Operation not supported", "No such file or directory", "Protocol not supported")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One host that all constructs share."""
    why = missing()
    if why:
        pytest.skip(why)
    try:
        with host(layout.drawn(Random("constructs")), tmp_path_factory.mktemp("kernel")) as made:
            yield made
    except NotPossible as problem:
        pytest.skip(str(problem))


def ruleset(line: str) -> Ruleset:
    """A construct in a chain that does the other thing with what is left."""
    rest = "drop" if "accept" in line or "web" in line or "@ways" in line or "@ports_to" in line else "accept"
    head = f"type filter hook forward priority 0; policy {rest};"
    return Ruleset(native=f"table inet f {{{DEFINITIONS}\n\tchain in {{\n\t\t{head}\n\t\t{line}\n\t}}\n}}\n")


def loaded(kernel: Kernel, line: str) -> Reading:
    """The reading of the dump; skips, with a sentence, what this kernel was built without."""
    try:
        kernel.load(ruleset(line))
    except ToolRefused as refused:
        if any(words in str(refused) for words in NOT_BUILT):
            pytest.skip(f"this kernel was built without `{line}`")
        raise
    return read_host(kernel.dumps(sets=False))


def doubts(reading: Reading) -> list[str]:
    return [one.text for chain in reading.chains for rule in chain.rules for one in rule.residue]


@pytest.mark.parametrize("line", EXACT)
def test_it_is_read_exactly_and_the_kernel_agrees(kernel: Kernel, line: str) -> None:
    reading = loaded(kernel, line)
    assert reading.unread == ()
    assert doubts(reading) == []
    tally = asked(kernel, reading, line)
    assert [str(one) for one in tally.disagreements] == []
    assert tally.unproven == 0 or "iifname" in line  # some packets are asked about without their interfaces
    assert tally.verdicts > 0


@pytest.mark.parametrize("line", DOUBTFUL)
def test_it_is_residue_and_what_is_decided_holds(kernel: Kernel, line: str) -> None:
    reading = loaded(kernel, line)
    assert reading.unread == ()
    assert doubts(reading) != []
    assert [str(one) for one in asked(kernel, reading, line).disagreements] == []


def asked(kernel: Kernel, reading: Reading, line: str) -> Tally:
    """Corner packets of the regions that we see, sent through the kernel."""
    dice, evaluators, tally = Random(line), {point: Evaluator(reading, point) for point in packets.POINTS}, Tally()
    words = vocabulary.drawn(dice, kernel.layout)
    wanted = packets.drawn(dice, kernel.layout, words, evaluators, reading, PACKETS)[POINT]
    tally.disagreements.extend(compare.compared(kernel, evaluators[POINT], POINT, wanted, ruleset(line), tally))
    return tally


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_ruleset_is_what_the_kernel_does(kernel: Kernel, name: str) -> None:
    text = WHOLE[name].replace("LINK", kernel.layout.links[0].name)
    tally = compare.one_ruleset(kernel, Random(name), 60, rules=Ruleset(native=text))
    assert [str(one) for one in tally.disagreements] == []
    assert tally.verdicts > (3 if "device" in name else 10) * tally.unproven


@pytest.mark.parametrize("options", ["-j", "-j -a", "-j -s", "-j -n", "-j -y", "-j -p", "-j -u", "-j -S"])
def test_every_way_to_print_is_read(options: str, tmp_path: Path) -> None:
    """All exact constructs at once: the options of nft change words and numbers, never what is read."""
    why = missing()
    if why:
        pytest.skip(why)
    chains = "\n".join(f"\tchain c{number} {{ {line}; }}" for number, line in enumerate(EXACT))
    (tmp_path / "in.nft").write_text(f"table inet f {{{DEFINITIONS}\n{chains}\n}}\n")
    with Namespace() as inside:
        links = "\n".join(f"ip tuntap add dev {name} mode tun" for name in ("eth0", "lan0", "lan1"))
        inside.run(f"{links}\nnft -f in.nft\nnft -j list ruleset > plain\nnft {options} list ruleset > out", tmp_path)
    plain, other = (
        read_host([Artefact(name, (tmp_path / name).read_bytes(), f"nft {shlex.quote(options)} list ruleset")])
        for name in ("plain", "out")
    )
    assert other.unread == ()
    assert doubts(other) == []
    assert _content(other) == _content(plain)


def _content(reading: Reading) -> list[object]:
    return [
        (rule.chain, rule.seq, rule.family, rule.action, rule.target, sorted(rule.boxes), rule.iif, rule.states)
        for chain in reading.chains
        for rule in chain.rules
        if chain.name.startswith("nft:")
    ]
