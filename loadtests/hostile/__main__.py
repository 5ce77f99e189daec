"""Hostile clients, one after another: `python -m loadtests.hostile resets pings`, against a gateway of your own."""

import random
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter

import msgspec

from loadtests.hostile.catalogue import ATTACKS
from loadtests.hostile.seen import Seen, Target
from loadtests.options import address


def main(arguments: list[str] | None = None) -> int:
    """Attack, then print as JSON what each attack did and what the gateway said to it."""
    options = _parser().parse_args(arguments)
    said = {}
    for name in options.attack:
        seen = Seen(time.monotonic() + options.seconds, random.Random(options.seed), 1e6 * options.pace)
        ATTACKS[name](Target(options.grpc, options.http), seen)
        said[name] = dict(sorted(seen.counts.items()))
    print(msgspec.json.encode(said).decode())
    return 0


def _parser() -> ArgumentParser:
    listed = "\n".join(f"  {name}" for name in ATTACKS)
    parser = ArgumentParser(
        prog="python -m loadtests.hostile",
        description=__doc__,
        epilog=f"attacks:\n{listed}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("attack", choices=ATTACKS, nargs="+", metavar="ATTACK")
    parser.add_argument("--grpc", type=address, default=("127.0.0.1", 50051), metavar="HOST:PORT")
    parser.add_argument("--http", type=address, default=("127.0.0.1", 8080), metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each attack lasts [1]")
    parser.add_argument("--pace", type=float, default=50.0, help="the most megabytes a second [50]")
    parser.add_argument("--seed", type=int, default=1, help="of what is random [1]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
