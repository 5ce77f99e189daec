"""The commands that change something: start, approve, abort, undo, freeze, thaw, stop-all, kill."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.text import Text

from gateway.client.rollouts import RolloutsClient
from gateway.client.rollouts_errors import Refused
from gateway.command_line.rollout import page
from gateway.command_line.rollout.evidence import verdict
from gateway.command_line.rollout.flags import read_control
from gateway.command_line.rollout.output import show, show_json
from gateway.command_line.rollout.patience import patiently
from gateway.command_line.rollout.steps import plan
from gateway.command_line.rollout.words import moment, visible
from gateway.config import ConfigError
from models.manifest import MANIFEST, BundleError
from models.tensor_manifest import load_any_manifest
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.signed import LONGEST
from routing.figure import percent, span


def start(arguments: argparse.Namespace) -> int:
    """Begin a rollout of a bundle that lies here, and show what it will go through."""
    deployment, version = arguments.deployment, arguments.version
    digest = _digest(arguments)
    with read_control(arguments).client() as client:
        state = patiently(lambda: client.start(deployment, version, digest, arguments.reason), arguments.patience)
    if arguments.json:
        show_json(state)
        return 0
    show([f"rollout {state.name}: bundle {state.candidate} is to replace bundle {state.champion}", *plan(state.steps)])
    show(["", f"it goes by itself; to see it: sluice rollout watch {deployment}"])
    return 0


def approve(arguments: argparse.Namespace) -> int:
    """Show what is approved, ask, and sign for it."""
    if arguments.valid_for > LONGEST:
        raise ConfigError(f"--for: an approval holds {span(LONGEST)} at most")
    if not (arguments.yes or sys.stdin.isatty()):
        raise ConfigError("nobody can be asked here: look at `sluice rollout status` first, then --yes approves")
    with read_control(arguments).client() as client:
        state = _running(client, arguments.deployment)
        if state.requested_by == arguments.principal:
            raise Refused(f"{state.name} was requested by you: somebody else has to approve it")
        if not arguments.json:
            show(approval(state))
        if not (arguments.yes or _agreed()):
            raise Refused("nothing was approved")
        approved = client.approve(state, arguments.reason, arguments.valid_for)
    if arguments.json:
        show_json(approved)
    else:
        print(f"approved by {arguments.principal} for {span(arguments.valid_for)}")
    return 0


def abort(arguments: argparse.Namespace) -> int:
    """Take the candidate out."""
    return _change(arguments, lambda client: client.abort(arguments.deployment, arguments.reason, arguments.rollout))


def undo(arguments: argparse.Namespace) -> int:
    """Bring the former champion back."""
    return _change(arguments, lambda client: client.undo(arguments.deployment, arguments.reason, arguments.rollout))


def freeze(arguments: argparse.Namespace) -> int:
    """Let nothing go forward for a time, or until it is thawed."""
    until = time.time() + arguments.frozen_for if arguments.frozen_for else 0.0
    return _halt(arguments, lambda client: client.freeze(_meant(arguments), arguments.reason, until))


def thaw(arguments: argparse.Namespace) -> int:
    """Take a freeze, a stop or a kill back."""
    return _halt(arguments, lambda client: client.thaw(_meant(arguments), arguments.reason))


def stop_all(arguments: argparse.Namespace) -> int:
    """Take every candidate out."""
    return _halt(arguments, lambda client: client.stop_all(arguments.reason), "--all")


def kill(arguments: argparse.Namespace) -> int:
    """Take a deployment's candidate out, and keep others from beginning."""
    return _halt(arguments, lambda client: client.kill(arguments.deployment, arguments.reason), arguments.deployment)


def approval(state: pb.RolloutState) -> Iterator[Text]:
    """Yield what somebody puts his name under."""
    step = state.steps[state.step + 1]
    share = f"{percent(step.weight)} of units are answered by bundle {state.candidate}"
    yield Text(f"rollout {state.name} of {state.deployment}, requested by {visible(state.requested_by)}")
    yield Text(f"approved is step {state.step + 2} of {len(state.steps)}: {step.stage}, {share}")
    yield Text.assemble("the judge says  ", verdict(state))
    for name, digest in sorted(state.digests.items()):
        yield Text(f"{name:<15} {visible(digest)}")


def halts(found: pb.Halts) -> Iterator[str]:
    """Yield what keeps rollouts from going forward, one line each."""
    if not found.halts:
        yield "nothing keeps rollouts from going forward"
    for halt in found.halts:
        until = f"until {moment(halt.until)} UTC" if halt.until else "until it is taken back"
        where = halt.deployment or "every deployment"
        yield f"{halt.kind:<7} {where}, by {visible(halt.by)}, {until}: {visible(halt.reason)}"


def aborted(found: pb.Halts, whose: str) -> Iterator[str]:
    """Yield what was ended by a kill or a stop, and how other rollouts may begin again."""
    yield f"aborted: {', '.join(map(visible, found.aborted)) or 'nothing, no rollout was running'}"
    yield f"no rollout begins until it is taken back: sluice rollout thaw {whose}"


def unread(found: pb.Halts) -> Iterator[str]:
    """Yield what has to be looked at by hand."""
    for deployment in found.unreadable:
        yield (
            f"{visible(deployment)}: its rollout cannot be read: what was ordered holds, but nothing was written down"
            " there, and no candidate was taken out; the control plane's log says why"
        )


def _digest(arguments: argparse.Namespace) -> str:
    """Return the digest of the bundle that is meant, after every file of it was found to be what it says."""
    directory = arguments.bundles / arguments.deployment / arguments.version
    if not directory.is_dir():
        raise BundleError(_no_such(arguments.bundles, deployment=arguments.deployment, version=arguments.version))
    manifest = load_any_manifest(directory)
    if (manifest.deployment, manifest.version) != (arguments.deployment, arguments.version):
        raise BundleError(f"{directory}: is bundle {manifest.version} of {manifest.deployment}")
    return manifest.digest()


def _no_such(bundles: Path, deployment: str, version: str) -> str:
    """Say what lies there instead."""
    if not (bundles / deployment).is_dir():
        known = _holding(bundles, f"*/*/{MANIFEST}", 2)
        return f"no bundle of {deployment} lies in {bundles}; bundles lie there of {known}"
    known = _holding(bundles / deployment, f"*/{MANIFEST}", 1)
    return f"no version {version} of {deployment} lies in {bundles}; there lie {known}"


def _holding(directory: Path, pattern: str, above: int) -> str:
    names = sorted({path.parents[above - 1].name for path in directory.glob(pattern)})
    return ", ".join(names) or "none: --bundles names another directory"


def _running(client: RolloutsClient, deployment: str) -> pb.RolloutState:
    """Return the rollout that runs. Raises `Refused` when none does, or its last step is reached."""
    states = [one.rollout for one in client.overview(deployment).deployments if one.HasField("rollout")]
    if not states or page.over(states[0]):
        raise Refused(f"no rollout of {deployment} is running: there is nothing to approve")
    if states[0].step + 1 >= len(states[0].steps):
        raise Refused(f"rollout {states[0].name} is in its last step: there is nothing to approve")
    return states[0]


def _agreed() -> bool:
    print("approve this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _meant(arguments: argparse.Namespace) -> str:
    """Return the deployment, "" for all; one of the two must have been said."""
    if bool(arguments.deployment) == arguments.all:
        raise ConfigError("say which deployment, or --all")
    return str(arguments.deployment)


def _change(arguments: argparse.Namespace, order: Callable[[RolloutsClient], pb.RolloutState]) -> int:
    with read_control(arguments).client() as client:
        state = order(client)
    if arguments.json:
        show_json(state)
    else:
        show([f"{state.deployment}: rollout {state.name} is {state.state}: {visible(state.reason)}"])
    return 0


def _halt(arguments: argparse.Namespace, order: Callable[[RolloutsClient], pb.Halts], taken_out: str = "") -> int:
    with read_control(arguments).client() as client:
        found = order(client)
    if arguments.json:
        show_json(found)
    else:
        show(halts(found))
        if taken_out:
            show(aborted(found, taken_out))
        show(unread(found))
    return 1 if found.unreadable else 0
