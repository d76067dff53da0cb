"""What the processes of the web server share: seen by all of them, whole or not at all, and under its own key only."""

from __future__ import annotations

import os
import subprocess
import sys

from compliance.project.supervise import web_command
from compliance.views.board import HEAD, Board


def in_a_child(board: Board, key: object, value: object) -> None:
    """Another process, which was made from this one, puts a value there."""
    child = os.fork()
    if not child:
        try:
            board.put(key, value)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_what_one_process_puts_another_reads() -> None:
    board = Board()
    in_a_child(board, ("menu", 7, frozenset({1, 2})), {"inbox": 3})
    assert board.get(("menu", 7, frozenset({2, 1}))) == {"inbox": 3}
    in_a_child(board, ("menu", 7, frozenset({1, 2})), {"inbox": 4})
    assert board.get(("menu", 7, frozenset({1, 2}))) == {"inbox": 4}


def test_a_value_is_given_for_its_own_key_only() -> None:
    board = Board(places=1)  # every key has the same place
    board.put(("menu", 7), {"inbox": 3})
    assert board.get(("menu", 8)) is None
    board.put(("menu", 8), {"inbox": 5})
    assert (board.get(("menu", 7)), board.get(("menu", 8))) == (None, {"inbox": 5})


def test_what_another_is_in_the_middle_of_writing_is_not_there() -> None:
    board = Board(places=1)
    board.put("count", list(range(100, 200)))
    whole = bytes(board._memory)
    board.put("count", list(range(300, 400)))
    other = bytes(board._memory)
    for cut in range(HEAD.size, 200, 3):
        board._memory[:] = other[:cut] + whole[cut:]
        assert board.get("count") in (None, list(range(300, 400)))
    board._memory[:] = other[:100] + whole[100:]
    assert board.get("count") is None


def test_what_does_not_fit_or_cannot_be_copied_is_not_shown() -> None:
    board = Board(places=1, size=256)
    board.put("count", 1)
    board.put("large", "x" * 256)
    board.put("strange", lambda: 1)
    assert board.get("count") == 1
    board.clear()
    assert board.get("count") is None


def test_the_board_is_there_before_the_processes_that_share_it() -> None:
    assert "--preload" in web_command(8000)
    loaded = "import compliance.project.wsgi, sys; print('compliance.views.keeping' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
