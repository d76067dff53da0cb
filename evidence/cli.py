"""The `eastwest` command: read, packet, check, flows, diff, verify and sample, without a database and without a server;
plan and apply ask a running one.

Exit status: 0 clean, 1 findings, 2 refused or wrong use, 3 something unread or unproven; 2 before 1 before 3.
With --json standard output is one JSON object and nothing else; messages go to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from evidence.commands.answer import REFUSED, Answer, Refusal

# Sub-command -> the module that answers it, imported when it is asked for: starting stays quick.
COMMANDS = {
    "read": "evidence.commands.read",
    "packet": "evidence.commands.packet",
    "check": "evidence.commands.check",
    "flows": "evidence.commands.flows",
    "diff": "evidence.commands.diff",
    "verify": "evidence.commands.verify",
    "sample": "evidence.commands.sample",
    "plan": "evidence.commands.register",
    "apply": "evidence.commands.register",
}
ONE_HOST = "All FILEs of one call are the dumps of one host at one moment."


def parser() -> argparse.ArgumentParser:
    """The arguments of every sub-command."""
    top = argparse.ArgumentParser(prog="eastwest", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    read = commands.add_parser("read", help="what was understood of each file, and which lines were not")
    read.add_argument("files", nargs="+", metavar="FILE")

    packet = commands.add_parser("packet", help="what the rules do with the first packet of each flow", epilog=ONE_HOST)
    packet.add_argument("--rules", nargs="+", required=True, metavar="FILE")
    packet.add_argument("--point", metavar="P", help="INPUT, FORWARD or OUTPUT; default: the one that has rules")
    packet.add_argument("--packets", required=True, metavar="CSV", help="src,dst,proto,sport,dport,in,out")

    check = commands.add_parser("check", help="the rules against a register of authorised connections", epilog=ONE_HOST)
    check.add_argument("--rules", nargs="+", required=True, metavar="FILE")
    check.add_argument("--register", required=True, metavar="YAML")
    check.add_argument("--host", metavar="NAME", help="whose dumps they are; INPUT, OUTPUT, shares and sockets need it")
    check.add_argument("--point", metavar="P", help="judge this point alone")

    flows = commands.add_parser("flows", help="flow logs against a register of authorised connections")
    flows.add_argument("--register", required=True, metavar="YAML")
    flows.add_argument("files", nargs="+", metavar="FILE", help="as they came, packed with gzip or not")

    diff = commands.add_parser("diff", help="what NEW lets through and OLD did not, and the other way round")
    diff.add_argument("old", metavar="OLD")
    diff.add_argument("new", metavar="NEW")

    verify = commands.add_parser("verify", help="whether an evidence pack, or an export of the ledger, is sound")
    verify.add_argument("pack", metavar="PACK.zip", nargs="?")
    verify.add_argument("--fingerprint", metavar="HEX", help="of the signing key, as the organisation gave it to you")
    verify.add_argument("--authority", metavar="PEM", help="certificates of the authority of a pack's time-stamps")
    verify.add_argument("--ledger", metavar="EXPORT", help="an export of the ledger, instead of a pack")
    verify.add_argument("--key", metavar="PEM", help="the ledger's public key, got by another way than the database")
    verify.add_argument("--checkpoint", metavar="NOTE", action="append", default=[], help="a file of old checkpoints")
    verify.add_argument("--state", metavar="DUMP", help="the governed rows, dumped with the export")

    sample = commands.add_parser("sample", help="whether a seed chooses the rows that a sample holds")
    sample.add_argument("sample", metavar="FILE.json", help="of a pack, beside its data/, or as taken from the page")

    plan = commands.add_parser("plan", help="what a register file would change in a running Eastwest")
    apply = commands.add_parser("apply", help="ask for what a register file would change; two people approve each step")
    for command in (plan, apply):
        command.add_argument("register", metavar="YAML")
        command.add_argument("--server", required=True, metavar="URL", help="the token comes from EASTWEST_TOKEN")
        command.add_argument("--system", default="", help="whose is what the file gives to no system")
        command.add_argument("--remove", action="store_true", help="ask for the removal of what the file does not name")
    apply.add_argument("--digest", default="", metavar="HEX", help="only if this is still the plan that was read")

    for command in (read, packet, check, flows, diff, verify, sample, plan, apply):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["--json"]:
        given = [*given[1:], "--json"]
    try:
        asked = parser().parse_args(given)
    except SystemExit as ended:
        return int(ended.code or 0)
    answer = _answer(asked)
    printed = json.dumps(answer.data) if asked.json else answer.text
    try:
        sys.stdout.write(f"{printed}\n" if printed else "")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()  # whoever read it has seen enough
    return answer.status


def _answer(asked: argparse.Namespace) -> Answer:
    command: Any = importlib.import_module(COMMANDS[asked.command])
    try:
        answer: Answer = command.run(asked)
    except Refusal as refusal:
        sys.stderr.write(f"eastwest {asked.command}: {refusal}\n")
        return Answer(REFUSED, {"error": str(refusal)}, "")
    for message in answer.messages:
        sys.stderr.write(f"{message}\n")
    return answer


if __name__ == "__main__":
    sys.exit(main())
