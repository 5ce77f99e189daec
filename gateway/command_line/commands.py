"""`sluice reload` and `sluice status`: asks the gateway that holds a state directory, and shows what it says."""

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.supervisor.command_messages import Answer, Ended, Reload, Request, Said, Status
from gateway.supervisor.command_socket import FILE, short_path
from gateway.supervisor.state import GatewayState, TableState, WorkerState
from routing.table import SHADOW

# Seconds beyond one load's: the gateway reads, loads one deployment after the other, and makes sure.
SPARE = 600.0


class NobodyThere(OSError):
    """No gateway listens in the state directory; the message says what to do."""


def run_reload(state: Path, forget: list[str], patience: float, as_json: bool) -> int:
    """Have the gateway reload; return 0 only when every worker serves what is declared."""
    return _run(state, Reload(forget, patience), patience + SPARE, as_json)


def run_status(state: Path, as_json: bool) -> int:
    """Show what the gateway serves; return 0 when it answers."""
    return _run(state, Status(), 30.0, as_json)


def _run(state: Path, request: Request, patience: float, as_json: bool) -> int:
    try:
        for answer in ask(state, request, patience):
            if isinstance(answer, Said):
                print(answer.text, file=sys.stderr if as_json else sys.stdout, flush=True)
                continue
            if answer.state is not None:
                print(msgspec.json.encode(answer.state).decode() if as_json else show(answer.state))
            return 0 if answer.good else 1
    except BrokenPipeError:  # of our own output; `main` knows what that means
        raise
    except OSError as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 1
    print("sluice: the gateway ended before it had answered", file=sys.stderr)
    return 1


def ask(state: Path, request: Request, patience: float) -> Iterator[Answer]:
    """Yield what the gateway says, the end last. Raises `NobodyThere`, and `OSError` when it breaks off."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        try:
            with short_path(state) as path:
                sock.connect(path)
            sock.sendall(msgspec.json.encode(request) + b"\n")
        except OSError as exc:
            raise NobodyThere(
                f"no gateway listens at {state / FILE} ({exc.strerror}): start one with this --state, "
                "or name the state directory of the one that runs"
            ) from exc
        with sock.makefile("rb") as lines:
            for line in lines:
                answer: Answer = msgspec.json.decode(line, type=Said | Ended)
                yield answer


def show(state: GatewayState) -> str:
    """Return the state as people read it."""
    lines = [f"gateway     pid {state.pid}, since {_utc(state.since)}", ""]
    lines += [_table_line(one) for one in state.tables]
    for worker in state.workers:
        lines += ["", f"worker {worker.slot}    pid {worker.pid}, {worker.state}, since {_utc(worker.since)}"]
        lines += _standing_lines(worker)
    return "\n".join(lines)


def _table_line(one: TableState) -> str:
    line = f"{one.deployment:<11} " + (f"table {one.number}" if one.number else "not served")
    if one.runs:
        line += f"   rollout {one.rollout} runs: sluice rollout watch {one.deployment}"
    elif one.rollout:
        line += f"   as rollout {one.rollout} has left it"
    return line + (f"   NOT AS DECLARED: {one.complaint}" if one.complaint else "")


def _standing_lines(worker: WorkerState) -> Iterator[str]:
    for standing in worker.standings:
        head = f"  {standing.deployment:<9} table {standing.number:<5}"
        for arm in standing.arms:
            trouble = f"   NOT READY: {arm.trouble}" if arm.trouble else ""
            trouble += "   LAPSED: nobody steers its rollout, the champion answers its units" if arm.lapsed else ""
            warm = "   kept warm, sees no row" if arm.arm.startswith(SHADOW) and not arm.share else ""
            yield f"{head} {arm.arm:<9} {arm.version:<12} {arm.digest[:12]}  {100 * arm.share:5.1f} %{warm}{trouble}"
            head = " " * len(head)


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
