"""Measure peers beside a running gateway of ours, or beside one another: `python -m loadtests.peers --ours HOST:PORT`.

Each peer is installed into an environment of its own under .sluice/peers/ on first use, started on one core and asked
by the generator on the other: the model alone, or, where the table says so, the whole job. Every answer is held
against the score that ONNX Runtime gives for that row. Ours always does the whole job.
"""

import datetime
import os
import socket
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.cases import draw_fraud_cases
from loadtests.dialect import Target, dialect, requests
from loadtests.generator import Load, generate
from loadtests.options import FEWEST_CASES, address
from loadtests.peers.catalogue import PEERS, VARIANTS
from loadtests.peers.environments import is_installed
from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import TRANSACTIONS
from loadtests.peers.outcome import Outcome
from loadtests.peers.peer import DEFAULT_REDIS, Peer
from loadtests.peers.versus import Ground, Round, Versus, opened, play
from loadtests.processors import held
from loadtests.seats import Seats
from loadtests.tally import Report

_BY_NAME = {peer.name: peer for peer in (*PEERS, *VARIANTS)}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when a peer has no ratio, 2 when nothing could be measured."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(map(_listed, _BY_NAME.values())))
        return 0
    if (options.ours is None) == (options.against is None):
        parser.error("name a running gateway with --ours HOST:PORT, or another peer with --against NAME")
    try:
        outcome = _measure(options)
    except (PeerError, OSError) as exc:
        print(f"no measurement: {exc}", file=sys.stderr)
        return 2
    print(f"\n{outcome.text()}\n\nwritten to {outcome.write(options.out)}")
    return 1 if outcome.failed or not all(versus.sound for versus in outcome.played) else 0


def _measure(options: Namespace) -> Outcome:
    load = Load(options.connections, 1, options.warm_up, options.seconds)
    ground = Ground(Seats(options.core, options.client_core, options.client_core), options.redis)
    played: list[Versus] = []
    failed: dict[str, str] = {}
    with _other(options, load, ground) as other:
        for peer in [_BY_NAME[name] for name in options.names or [peer.name for peer in PEERS]]:
            print(f"{peer.name}: {peer.title}", flush=True)
            try:
                played.append(play(peer, other, options.rounds, load, ground))
            except (PeerError, OSError) as exc:
                failed[peer.title] = str(exc)
    title = "ours" if options.against is None else _BY_NAME[options.against].title
    return Outcome(datetime.datetime.now(datetime.UTC), load, title, played, failed)


@contextmanager
def _other(options: Namespace, load: Load, ground: Ground) -> Iterator[Round]:
    """What the peers are played against: our gateway over gRPC, or another peer."""
    if options.against is not None:
        with opened(_BY_NAME[options.against], load, ground) as once:
            yield once
        return
    _demand_an_answer(options.ours)
    spoken = dialect("grpc", Target(*options.ours))
    calls = requests(spoken, draw_fraud_cases(TRANSACTIONS, FEWEST_CASES, 7))

    def ours() -> Report:
        with held([os.getpid()], ground.seats.generator):
            return generate(load, spoken, options.ours, calls)

    yield ours


def _demand_an_answer(where: tuple[str, int]) -> None:
    try:
        socket.create_connection(where, timeout=1.0).close()
    except OSError as exc:
        raise PeerError("no gateway answers at {}:{} ({}): start one with `make up`".format(*where, exc)) from exc


def _listed(peer: Peer) -> str:
    if peer.requirements is None:
        state = "in this environment"
    else:
        state = "installed" if is_installed(peer.requirements) else "not installed yet"
    return f"{peer.name:30} {peer.title} [{state}]"


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m loadtests.peers", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", choices=[*_BY_NAME, []], metavar="NAME", help="peers (default: all but variants)"
    )
    parser.add_argument("--list", action="store_true", help="show peers and variants, and which are installed")
    parser.add_argument("--ours", type=address, metavar="HOST:PORT", help="gRPC address of a running gateway of ours")
    parser.add_argument("--against", choices=_BY_NAME, metavar="NAME", help="play against this peer instead of ours")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured time of one round")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before every round, not measured")
    parser.add_argument("--connections", type=int, default=16, help="with one call in flight on each")
    parser.add_argument("--core", type=int, default=0, help="the core that holds a peer")
    parser.add_argument("--client-core", type=int, default=1, help="the core that holds the generator")
    parser.add_argument("--redis", default=DEFAULT_REDIS, metavar="URL", help="a Redis that `make up` has filled")
    parser.add_argument(
        "--out", type=Path, default=Path(".sluice/bench"), help="where the table and the JSON are written"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
