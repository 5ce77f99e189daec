"""The commands that only look: status, history, explain, replay."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.client.rollouts_errors import NotFound
from gateway.command_line.rollout import page
from gateway.command_line.rollout.columns import columns
from gateway.command_line.rollout.flags import read_control
from gateway.command_line.rollout.output import show, show_json
from gateway.command_line.rollout.ruling import side_by_side
from gateway.command_line.rollout.words import moment, visible
from gateway.config import ConfigError
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.declared import read_rollout

_AS_RECORDED = "shadow, steps and held_back are those that it went through, whatever is said of them there"


def status(arguments: argparse.Namespace) -> int:
    """Show how every deployment stands, or one."""
    with read_control(arguments).client() as client:
        found = client.overview(arguments.deployment, arguments.entities)
    if arguments.json:
        show_json(found)
    else:
        show(page.overview(found))
    return 0


def history(arguments: argparse.Namespace) -> int:
    """Show what was decided of a deployment, by whom and why."""
    with read_control(arguments).client() as client:
        events = client.history(arguments.deployment, arguments.count)
    if arguments.json:
        show_json(pb.Events(events=events))
    elif not events:
        raise NotFound(f"there was no rollout of {arguments.deployment} so far")
    else:
        show(history_table(events))
        if len(events) == arguments.count:
            print(f"sluice: the last {arguments.count} events; --count takes more", file=sys.stderr)
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """Print a rollout's note."""
    with read_control(arguments).client() as client:
        note = client.explain(arguments.deployment, arguments.rollout)
    if arguments.json:
        show_json(pb.Note(markdown=note))
    else:
        show(visible(line) for line in note.splitlines())
    return 0


def replay(arguments: argparse.Namespace) -> int:
    """Have a rollout judged again, and show it beside what was decided."""
    rules = read_rules(arguments.rules) if arguments.rules else ""
    with read_control(arguments).client() as client:
        last = client.history(arguments.deployment, arguments.count)
        if not last:
            raise NotFound(f"there was no rollout of {arguments.deployment} so far")
        events = _of_one(last, arguments.rollout)
        if not events:
            raise NotFound(f"no such rollout among the last {arguments.count} events: --count takes more")
        name = events[-1].rollout.name
        if arguments.json:
            for ruling in client.replay(arguments.deployment, name, rules):
                show_json(ruling, indent=None)
            return 0
        rules_of = arguments.rules or "the declared rules"
        print(f"sluice: judging {name} again by {rules_of}; {_AS_RECORDED}", file=sys.stderr)
        rulings = list(client.replay(arguments.deployment, name, rules))
    show(side_by_side(events, rulings))
    return 0


def history_table(events: Sequence[pb.Event]) -> list[str]:
    """Return the events as a table, the newest last."""
    heading = ("time (UTC)", "rollout", "became", "by", "because")
    rows = [(moment(one.at), one.rollout.name, page.became(one), visible(one.by), page.because(one)) for one in events]
    return columns([heading, *rows])


def _of_one(events: Sequence[pb.Event], rollout: str) -> list[pb.Event]:
    """Return the events of the rollout of that name, or of the last one."""
    name = rollout or (events[-1].rollout.name if events else "")
    return [one for one in events if one.rollout.name == name]


def read_rules(path: Path) -> str:
    """Return the YAML text of the rules in a file: a `rollout` section, or a `deployment.yaml` that has one.

    Raises `ConfigError` when the judge could not use them.
    """
    try:
        document: Any = yaml.safe_load(path.read_text())
        section = document.get("rollout", document)
        read_rollout(section)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except KeyError as exc:
        raise ConfigError(f"{path}: {exc.args[0]!r} is missing") from exc
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as exc:
        raise ConfigError(f"{path}: {' '.join(str(exc).split())}; it holds a `rollout` section") from exc
    return json.dumps(section)  # which is YAML, too, and has no references, which are refused
