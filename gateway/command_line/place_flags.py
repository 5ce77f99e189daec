"""The flags of `sluice place`, and what its help teaches."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from gateway.command_line.environment import ROOT, env, redis_url
from gateway.config import without_password
from gateway.triton.settings import TritonSettings

MOST_ROWS, MOST_THREADS = 4_096, 256

EPILOG = """\
examples:
  sluice place fraud                                      on this machine: a core, and a GPU where there is one
  sluice place fraud 2 --triton 127.0.0.1:8001            bundle 2, also on the Triton there
  sluice place fraud --threads 1,2,4 --sizes 1,16,256     the CPU with one, two and four threads a run
  sluice place fraud --calls-per-second 20000 --cpu-hour 0.04 --gpu-hour 0.75
  sluice place credit --calls-per-second 500 --fresh-hours 6     would computing everybody's score ahead be cheaper?
  sluice place credit --entities 2000000 --hit-share 0.9 --json  the same without the feature Redis, for programs

The table has a line for each place and size of list. p50 and p99 are those of a run by the wall's clock, and fit where
p99 lies within --share of the deployment's budget_ms. Machines are whole: a GPU that has little to do costs its whole
hour. What the gateway does beside the model costs the same wherever that runs, and is not counted. On the CPU a run is
held to one core a thread; a GPU has one run at a time, a Triton --under-way of them, from this one process.
Measure on a machine like those that will serve, and while nothing else runs there.

The exit status is 0 when there is a verdict, also that no place meets the budget; 1 when nothing could be measured.
"""


def add_place_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, with the environment's values as defaults."""
    parser.add_argument("deployment")
    parser.add_argument("version", nargs="?", default="", help="the bundle [the champion of deployment.yaml]")
    _add_measuring(parser.add_argument_group("what is measured"))
    _add_load(parser.add_argument_group("load, limits and prices"))
    _add_ahead(parser.add_argument_group("computing scores ahead"))
    for name, default, text in (
        ("models", ROOT / "models", "where <name>/deployment.yaml lie"),
        ("bundles", ROOT / "models" / "bundles", "where <deployment>/<version>/ lie"),
    ):
        parser.add_argument(f"--{name}", type=Path, default=env(name, default), help=f"{text} [%(default)s]")
    parser.add_argument("--json", action="store_true", help="print everything as one line of JSON, times in seconds")


def _add_measuring(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--sizes", type=_wholes(MOST_ROWS), default=(1, 8, 64, 256), metavar="N,N", help="rows of a list [1,8,64,256]"
    )
    group.add_argument("--seconds", type=_above_zero(600), default=1.0, help="for each line [%(default)g]")
    group.add_argument(
        "--threads", type=_wholes(MOST_THREADS), default=(1,), metavar="N,N", help="of a run on the CPU [1]"
    )
    group.add_argument(
        "--triton",
        type=_address,
        default=TritonSettings(),
        metavar="HOST:PORT",
        help="gRPC of a Triton whose repository has the bundle's model: see sluice triton-repository [none]",
    )
    group.add_argument(
        "--under-way", type=_whole(256), default=4, metavar="N", help="runs on the Triton at a time [%(default)s]"
    )


def _add_load(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--calls-per-second", type=_above_zero(1e9), default=100.0, help="to be carried [%(default)g]")
    group.add_argument("--rows-per-call", type=_whole(MOST_ROWS), default=1, help="[%(default)s]")
    group.add_argument(
        "--utilisation", type=_above_zero(1), default=0.6, help="how far machines are loaded, at most [%(default)g]"
    )
    group.add_argument(
        "--share",
        type=_above_zero(1),
        default=0.1,
        help="of the budget, what a run may take: the gateway cuts lists that run elsewhere to 0.1; calls may queue "
        "for 0.4, and the feature store has 0.4 of what is left [%(default)g]",
    )
    for name, default, text in (
        ("cpu", 0.05, "one core"),
        ("gpu", 1.0, "one GPU, without the cores beside it"),
        ("triton", 1.0, "the machine that the Triton runs on"),
    ):
        _add_price(group, f"--{name}-hour", default, f"{text}, in whatever money")


def _add_ahead(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--entities", type=_whole(10**12), help="to be scored [those whom the feature Redis knows]")
    group.add_argument(
        "--fresh-hours",
        type=_above_zero(720),
        help="how old scores may be [precomputed: max_age_s of deployment.yaml, or else 24]",
    )
    group.add_argument(
        "--hit-share", type=_above_zero(1), default=1.0, help="of rows whose score is there [%(default)g]"
    )
    _add_price(group, "--memory-gb-hour", 0.02, "a GB of the feature Redis")
    url = redis_url()
    shown = without_password(url).replace("%", "%%")
    group.add_argument("--redis-url", default=url, help=f"the Redis that Feast fills [{shown}]")


def _add_price(group: "argparse._ArgumentGroup", flag: str, default: float, text: str) -> None:
    told = f"of an hour of {text} [%(default)g: an example]"
    group.add_argument(flag, type=_above_zero(1e6), default=default, metavar="PRICE", help=told)


def _address(text: str) -> TritonSettings:
    try:
        return TritonSettings((text,))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _above_zero(most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not 0.0 < value <= most or math.isnan(value):
            raise argparse.ArgumentTypeError(f"must be above 0 and at most {most:g}")
        return value

    return number


def _whole(most: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"must be 1 to {most}")
        return value

    return integer


def _wholes(most: int) -> Callable[[str], tuple[int, ...]]:
    one = _whole(most)

    def integers(text: str) -> tuple[int, ...]:
        return tuple(sorted({one(word) for word in text.split(",")}))

    return integers
