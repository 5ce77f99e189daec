"""The command line of `sluice rollout`: its subcommands with their flags. What they do is loaded when one is run."""

import argparse
import os
import sys
from pathlib import Path

from gateway.command_line.environment import ROOT, env
from gateway.command_line.rollout.flags import add_control_flags, add_principal_flag
from gateway.command_line.rollout.words import seconds_of

_EPILOG = """\
first, once, a key of your own; what it prints goes into principals.yaml:
  sluice rollout key new ~/.config/sluice/key.pem --as ada
  export SLUICE_PRINCIPAL=ada                       instead of --as ada in every command

then:
  sluice rollout start fraud 2 --reason 'retrained on November'
  sluice rollout watch fraud                        live; ends with 0 when it is done, 1 when it was taken back
  sluice rollout approve fraud                      somebody else than who has started it
  sluice rollout abort fraud --reason 'wrong bundle'
  sluice rollout undo fraud                         the former champion again, also after the rollout
  sluice rollout explain fraud                      what was decided, by whom, why, on which numbers
  sluice rollout replay fraud --rules stricter.yaml what if?

Exit status: 0 good, 1 refused or not good, 2 this cannot be asked. --control is also SLUICE_CONTROL, --key SLUICE_KEY,
and so on. A candidate that is worse is taken out by the judge; none of these commands is needed for that.
"""


def add_rollout(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "rollout",
        help="start a rollout, watch it, approve it, take it back",
        description="Ask the control plane (`sluice control`) for something, with an order signed by your own key.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_start(actions)
    _add_looks(actions)
    _add_approve(actions)
    _add_takes_back(actions)
    _add_halts(actions)
    _add_key(actions)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # gRPC's own words about a connection would stand beside ours, and in the middle of a live page.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from gateway.command_line.rollout.actions import run
    except ModuleNotFoundError as exc:  # the base serves, and signs nothing
        print(f"sluice: rollout needs {exc.name}: pip install '.[control]'", file=sys.stderr)
        return 2
    return run(arguments)


def _add(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    more: str = "",
    example: str = "",
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}. {more}".strip(),
        epilog=f"example: sluice rollout {example}" if example else None,
    )
    add_control_flags(parser)
    return parser


def _add_start(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "start",
        "begin the rollout of a bundle",
        "The bundle that lies here is proved, and its digest signed: every gateway must hold the same. Shows the steps "
        "that it will go through.",
        "start fraud 2 --reason 'retrained on November'",
    )
    parser.add_argument("deployment")
    parser.add_argument("version", help="the candidate's")
    bundles = Path(str(env("bundles", ROOT / "models" / "bundles")))
    parser.add_argument("--bundles", type=Path, default=bundles, help="where <deployment>/<version>/ lie [%(default)s]")
    parser.add_argument(
        "--wait", dest="patience", type=_seconds, default=10.0, metavar="TIME",
        help="how long, while gateways have not told yet that they serve what is declared, as after a reload [10s]",
    )  # fmt: skip
    parser.add_argument("--reason", default="", help="why, for those who read it later")


def _add_looks(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    status = _add(actions, "status", "show how deployments stand", "A guard whose bar is full takes the candidate out.")
    status.add_argument("deployment", nargs="?", default="", help="this one [all]")
    watch = _add(
        actions,
        "watch",
        "show how a rollout goes on, live",
        "On a terminal a page; elsewhere a line for each change, and every 30 s how it stands. Ends when the rollout "
        "is over, with 0 when it is done and 1 when it was taken back; where there was none so far, one is waited for. "
        "Goes on when the control plane goes away and comes back.",
        "watch fraud",
    )
    watch.add_argument("deployment", nargs="?", default="", help="this one [all that run]")
    watch.add_argument("--forever", action="store_true", help="until Ctrl-C, also when the rollout is over")
    for parser in (status, watch):
        parser.add_argument(
            "--entities", action="store_true", help="name the entities on which both bundles differ most: customers"
        )
    history = _add(actions, "history", "list what was decided, by whom and why", "The newest comes last.")
    history.add_argument("deployment")
    history.add_argument("--count", type=_positive, default=50, help="at most so many events [%(default)s]")
    explain = _add(actions, "explain", "print a rollout's note, in Markdown", "", "explain fraud > incident.md")
    replay = _add(
        actions,
        "replay",
        "judge a recorded rollout again",
        "Prints when each ruling would have come, beside what was decided. It judges by the rules "
        "that are declared now, or by those of a file: what if? Only the judge's (guards, floors, alpha, promote) are: "
        "the steps that it went through are in the record, with the calls that came of them, and so are "
        "the guards that were measured: another one is refused.",
        "replay fraud --rules stricter.yaml",
    )
    for parser in (explain, replay):
        parser.add_argument("deployment")
        parser.add_argument("--rollout", metavar="NAME", default="", help="this one [the last]")
    replay.add_argument("--rules", type=Path, metavar="FILE", help="a `rollout` section, or a deployment.yaml with one")
    replay.add_argument("--count", type=_positive, default=1000, help="look among so many events for it [%(default)s]")


def _add_approve(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "approve",
        "let a rollout enter its next step",
        "Shows what you put your name under, and asks. Whoever has started a rollout cannot approve it.",
        "approve fraud --for 24h",
    )
    parser.add_argument("deployment")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--for", dest="valid_for", type=_seconds, default=24 * 3600.0, metavar="TIME", help="how long it holds [24h]"
    )
    parser.add_argument("--reason", default="", help="on what you have decided")


def _add_takes_back(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, text, more in (
        ("abort", "take the candidate out of a rollout that runs", "The champion answers all of its units again."),
        ("undo", "bring the former champion back", "Whether the rollout still runs or is done."),
        ("kill", "take the candidate out and let no other begin", "Until `sluice rollout thaw` takes it back."),
    ):
        parser = _add(actions, name, text, more, f"{name} fraud --reason 'complaints of customers'")
        parser.add_argument("deployment")
        # Who undoes something in a hurry is written down with the moment: that is what nobody could find out later.
        parser.add_argument("--reason", required=name != "undo", default="", help="why, for those who read it later")
        if name != "kill":
            parser.add_argument("--rollout", metavar="NAME", default="", help="this one and no other [the last]")


def _add_halts(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    freeze = _add(
        actions,
        "freeze",
        "let nothing go forward for a time",
        "What goes back still does.",
        "freeze --all --for 12h --reason 'the busiest night of the year'",
    )
    freeze.add_argument("--reason", required=True, help="why, for those who wait")
    freeze.add_argument(
        "--for", dest="frozen_for", type=_seconds, default=0.0, metavar="TIME", help="90s, 15m, 12h, 7d [until thawed]"
    )
    thaw = _add(actions, "thaw", "take a freeze, a stop or a kill back", "", "thaw fraud")
    thaw.add_argument("--reason", default="", help="why, for those who read it later")
    for parser in (freeze, thaw):
        parser.add_argument("deployment", nargs="?", default="")
        parser.add_argument("--all", action="store_true", help="what holds for every deployment")
    stop = _add(
        actions,
        "stop-all",
        "take every candidate of every deployment out",
        "And let nothing go forward until `sluice rollout thaw --all`.",
        "stop-all --reason 'the feature store is wrong'",
    )
    stop.add_argument("--reason", required=True, help="why, for those who read it later")


def _add_key(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("key", help="make a key to sign with, or show what principals.yaml needs to know of it")
    keys = parser.add_subparsers(dest="key_action", required=True, metavar="new|show")
    for name, text in (
        ("new", "make a key in a file that only you can read; one that exists is not overwritten"),
        ("show", "print the entry of a key that exists"),
    ):
        one = keys.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        one.add_argument("file", type=Path, metavar="FILE")
        add_principal_flag(one)
        one.add_argument("--roles", default="request,approve,operate", help="roles of the entry [%(default)s]")
        one.add_argument("--json", action="store_true", help="print it as JSON, for machines")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
