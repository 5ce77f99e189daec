"""The command-line options that a single run and the bench share, and what they mean."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from loadtests.answer import Contract
from loadtests.cases import Case, CasesError, draw_fraud_cases, read_cases
from loadtests.dialect import Target
from loadtests.generator import Load

Address = tuple[str, int]

FRAUD_TRANSACTIONS = Path("models/data/fraud_transactions_evalml.parquet")
FEWEST_CASES = 10_000


def address(text: str) -> Address:
    """Read HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def add_load_options(parser: ArgumentParser, seconds: float = 8.0) -> None:
    """Add the options that say what is asked, how hard and for how long."""
    load = Load()
    parser.add_argument("--connections", type=int, default=load.connections)
    parser.add_argument("--streams", type=int, default=load.streams, help="calls in flight on each connection")
    parser.add_argument("--seconds", type=float, default=seconds, help="measured time")
    parser.add_argument("--warm-up", type=float, default=load.warm_up, help="seconds before it, not measured")
    parser.add_argument("--deployment", default="fraud")
    parser.add_argument("--timeout-ms", type=int, default=100, help="the deadline that every call brings")
    parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="speak TLS, trusting the PEM certificates in FILE")
    parser.add_argument("--requests", type=Path, help="JSON lines of entities, features and unit (default: fraud's)")
    parser.add_argument("--fewest-requests", type=int, default=FEWEST_CASES, help="distinct entity sets demanded")
    parser.add_argument("--seed", type=int, default=7, help="order of the calls")
    parser.add_argument("--output", default="score", help="the output held against the contract")
    parser.add_argument("--minimum", type=float, default=0.0, help="the contract's least output")
    parser.add_argument("--maximum", type=float, default=1.0, help="the contract's greatest output")


def load_from(options: Namespace) -> Load:
    """Return the load that the options describe."""
    return Load(options.connections, options.streams, options.warm_up, options.seconds)


def target_from(options: Namespace, where: Address) -> Target:
    """Return the target at `where` that the options describe."""
    contract = Contract(options.minimum, options.maximum, options.output)
    return Target(*where, options.deployment, options.timeout_ms, contract)


def cases_from(options: Namespace) -> list[Case]:
    """Return the calls to make; raises CasesError, also when there are too few of them."""
    return cases_for(options.requests, options.deployment, options.fewest_requests, options.seed)


def cases_for(requests: Path | None, deployment: str, fewest: int, seed: int) -> list[Case]:
    """Read the calls, or draw fraud's; raises CasesError, also when there are fewer than demanded."""
    if requests is not None:
        cases = read_cases(requests)
    elif deployment == "fraud":
        cases = draw_fraud_cases(FRAUD_TRANSACTIONS, max(fewest, FEWEST_CASES), seed)
    else:
        raise CasesError(f"deployment {deployment} needs --requests: only fraud's are drawn here")
    if len(cases) < fewest:
        raise CasesError(f"{len(cases)} distinct entity sets are too few, {fewest} are demanded")
    return cases
