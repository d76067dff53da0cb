"""The tree is that of RFC 6962: published figures, the RFC's own definition, and proofs that hold and no others."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.ledger import merkle
from evidence.packs.verify_notes import Tree, included

# The test vectors of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test)
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
B, C = ROOTS[1], "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
D = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
E = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
F = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
G = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
LEAVES = [merkle.leaf(bytes.fromhex(one)) for one in INPUTS]


def by_definition(data: list[bytes]) -> bytes:
    """MTH as section 2.1 writes it, from the entries themselves."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    power = 1
    while power * 2 < len(data):
        power *= 2
    return hashlib.sha256(b"\x01" + by_definition(data[:power]) + by_definition(data[power:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]
    tree = Tree()
    for one in LEAVES[:size]:
        tree.append(one)
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("entry", "size", "path"),
    [(1, 1, []), (1, 8, [G, C, D]), (6, 8, [E, F, ROOTS[4]]), (3, 3, [ROOTS[2]]), (2, 5, [B, C, E])],
)
def test_the_published_inclusion_proofs(entry: int, size: int, path: list[str]) -> None:
    proof = merkle.inclusion(entry - 1, LEAVES[:size])
    assert [one.hex() for one in proof] == path
    assert merkle.included(LEAVES[entry - 1], entry - 1, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(
    ("old", "new", "path"), [(1, 1, []), (1, 8, [G, C, D]), (6, 8, [H, F, ROOTS[4]]), (2, 5, [C, E])]
)
def test_the_published_consistency_proofs(old: int, new: int, path: list[str]) -> None:
    proof = merkle.consistency(old, LEAVES[:new])
    assert [one.hex() for one in proof] == path
    assert merkle.consistent(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=70), st.data())
def test_appending_is_the_definition_and_proofs_hold_for_what_they_say_only(
    data: list[bytes], draw: st.DataObject
) -> None:
    leaves = [merkle.leaf(one) for one in data]
    whole = by_definition(data)
    assert merkle.root(leaves) == whole
    kept = merkle.Frontier()
    for one in leaves:
        kept.append(one)
        kept = merkle.Frontier.unpacked(kept.size, kept.packed())
    assert kept.root() == whole
    if not data:
        return
    number = draw.draw(st.integers(0, len(data) - 1))
    proof = merkle.inclusion(number, leaves)
    assert merkle.Levels(leaves).inclusion(number) == proof
    assert merkle.included(leaves[number], number, len(data), proof, whole)
    assert included(leaves[number], number, len(data), proof) == whole
    assert not merkle.included(merkle.leaf(data[number] + b"!"), number, len(data), proof, whole)
    assert not merkle.included(leaves[number], number, len(data), [*proof, merkle.EMPTY], whole)
    old = number + 1
    path, was = merkle.consistency(old, leaves), by_definition(data[:old])
    assert merkle.consistent(old, len(data), was, whole, path)
    assert not merkle.consistent(old, len(data), merkle.EMPTY, whole, path)
    if path:
        assert not merkle.consistent(old, len(data), was, whole, path[:-1])


def test_a_frontier_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not have"):
        merkle.Frontier(3, [merkle.EMPTY])
    with pytest.raises(ValueError, match="no entry"):
        merkle.inclusion(3, LEAVES[:3])
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency(0, LEAVES)
