"""The command `sluice`: reads flags and environment once, makes one config, and starts what was asked for."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config import (
    DEFAULT_GRPC_PORT,
    DEFAULT_REDIS_URL,
    ConfigError,
    ServeConfig,
    available_cpus,
    without_password,
)
from gateway.fronts.tls import ServerTls, TlsError
from gateway.records_command import add_records
from gateway.seat_flags import SEAT_FLAGS, read_seats

if TYPE_CHECKING:
    from gateway.ask import Reach

ROOT = Path(__file__).resolve().parent.parent
Command = Callable[[argparse.Namespace], int]

EPILOG = """\
examples:
  sluice up                                   everything on this machine, ready to call
  sluice serve --workers 4                    the gateway alone, beside a Redis that is filled already
  sluice predict fraud card_id=32261 store_id=8516 amount=24900 customer_present=true
  sluice describe fraud                       what a deployment wants, and who answers it
  sluice reload                               have the running gateway serve what deployment.yaml says now
  sluice status                               which worker serves which table, with which bundles
  sluice records --deployment fraud           what it has decided, where it keeps records

Every flag of up and serve has an environment variable: --grpc-port is SLUICE_GRPC_PORT, and so on. A flag wins.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. What can go wrong ends in one line on standard error."""
    arguments = parse(argv)
    command: Command = arguments.run
    try:
        return command(arguments)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; name=value words may stand before and after flags, which argparse alone does not allow."""
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and (arguments.command != "predict" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.values = [*arguments.values, *rest]
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; environment variables are read here, once, as the flags' defaults."""
    parser = argparse.ArgumentParser(
        prog="sluice",
        description="A real-time inference gateway: features, champion, canary and shadow, inside 100 ms.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_up(commands)
    _add_serve(commands)
    _add_predict(commands)
    _add_describe(commands)
    _add_reload(commands)
    _add_status(commands)
    state = Path(str(_env("state", ROOT / ".sluice")))
    add_records(commands, Path(str(_env("records", "") or state / "records")))
    return parser


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "up",
        help="everything on one machine: Redis, bundles, features, gateway",
        description="Start an embedded Redis (unless a Redis URL is given), train what has changed, materialise the "
        "features, and serve. Ctrl-C drains and stops.",
    )
    _add_serve_flags(parser)
    parser.add_argument(
        "--redis-port", type=int, default=_env("redis_port", 6399), help="port of the embedded Redis [%(default)s]"
    )
    parser.set_defaults(run=_run_up)


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="the gateway alone",
        description="Serve every deployment from its bundles, beside a Redis that Feast has filled.",
    )
    _add_serve_flags(parser)
    parser.add_argument(
        "--replay-now",
        action="store_true",
        help="set replay clocks anew, so that the newest row of the data is now; otherwise as `sluice up` set them",
    )
    parser.set_defaults(run=_run_serve)


def _add_serve_flags(parser: argparse.ArgumentParser) -> None:
    flags: list[tuple[str, type, object, str]] = [
        ("host", str, "127.0.0.1", "address to listen on"),
        ("grpc-port", int, 50051, "port for gRPC (the fast front answers HTTP there too)"),
        ("http-port", int, 8080, "port for HTTP (the fast front answers gRPC there too)"),
        ("metrics-port", int, 9464, "port of Prometheus's /metrics, for all workers together"),
        ("front", str, "h2corn", "h2corn (fast) or conservative (uvicorn for HTTP, grpc.aio for gRPC)"),
        (
            "tls-cert",
            str,
            "",
            "PEM file: the certificate (chain) with which gRPC and HTTP speak TLS; empty: clear text",
        ),
        ("tls-key", str, "", "PEM file: its private key, without a passphrase"),
        ("tls-client-ca", str, "", "PEM file: mutual TLS, only clients with a certificate from this authority"),
        ("workers", int, available_cpus(), "worker processes"),
        ("redis-url", str, "", f"the Redis that Feast fills; empty: {DEFAULT_REDIS_URL}, embedded with `up`"),
        ("models", Path, ROOT / "models", "where <name>/deployment.yaml lie"),
        ("bundles", Path, ROOT / "models" / "bundles", "where <deployment>/<version>/ lie"),
        ("state", Path, ROOT / ".sluice", "where metric files, clocks and the embedded Redis lie"),
        ("records", str, "", "where decision records are kept; empty: records/ in the state directory"),
        ("records-max-mb", int, 1024, "MiB that closed segments of them may take, all workers together; the oldest go"),
        ("lists", int, 2, "lists of one deployment on their way at once, in one worker"),
        ("waiting-limit", int, 2048, "calls of one deployment that may wait before new ones are refused"),
        ("feature-connections", int, 2, "sockets to Redis, in one worker"),
        *SEAT_FLAGS,
        ("grace", float, 10.0, "seconds for accepted calls to be answered in when stopping"),
        ("worker-patience", float, 10.0, "seconds that a worker may say nothing before it is killed and started anew"),
        ("log-level", str, "warning", "debug, info, warning or error"),
    ]
    for name, kind, default, text in flags:
        value = _env(name.replace("-", "_"), default)
        shown = without_password(str(value)) or "none"
        parser.add_argument(f"--{name}", type=kind, default=value, help=f"{text} [{shown}]".replace("%", "%%"))


def _add_predict(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "predict",
        help="ask a running gateway for one prediction",
        description="Ask for one prediction. Names are sorted into entities and features by what the deployment says.",
        epilog="example: sluice predict fraud card_id=32261 store_id=8516 amount=24900 customer_present=true",
    )
    parser.add_argument("deployment")
    parser.add_argument("values", nargs="*", metavar="name=value", help="entity ids and request features")
    parser.add_argument("--unit", default="", help="the unit, where the deployment takes it from the request")
    _add_client_flags(parser)
    parser.set_defaults(run=_run_predict)


def _add_describe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("describe", help="say what a deployment wants, and who answers it")
    parser.add_argument("deployment")
    _add_client_flags(parser)
    parser.set_defaults(run=_run_describe)


def _add_reload(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "reload",
        help="have the running gateway serve what deployment.yaml says now",
        description="Have the running gateway read every deployment.yaml again. Each worker makes ready what is new "
        "beside what it serves; when all have, they turn together, and no call is lost. What is wrong or absent "
        "changes nothing: that deployment goes on with its last table. The exit status is 0 only when every worker "
        "serves what is declared. SIGHUP to `sluice serve` does the same.",
    )
    parser.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="DEPLOYMENT",
        help="serve it no longer; its deployment.yaml must be gone already",
    )
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for loading one table [%(default)g]")
    _add_state_flags(parser)
    parser.set_defaults(run=_run_reload)


def _add_status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "status",
        help="say which worker serves which table",
        description="Say what the running gateway serves: tables, workers, arms with their bundles' digests.",
    )
    _add_state_flags(parser)
    parser.set_defaults(run=_run_status)


def _add_state_flags(parser: argparse.ArgumentParser) -> None:
    state = _env("state", ROOT / ".sluice")
    parser.add_argument("--state", type=Path, default=state, help="the running gateway's state directory [%(default)s]")
    parser.add_argument("--json", action="store_true", help="print the state as one line of JSON")


def _add_client_flags(parser: argparse.ArgumentParser) -> None:
    address = _env("address", f"127.0.0.1:{_env('grpc_port', str(DEFAULT_GRPC_PORT))}")
    parser.add_argument("--address", default=address, help="host:port of the gateway's gRPC [%(default)s]")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds [%(default)s]")
    parser.add_argument("--tls", action="store_true", help="speak TLS, trusting the authorities that browsers trust")
    for name, text in (
        ("tls-ca", "PEM file: speak TLS, trusting what is in it"),
        ("tls-client-cert", "PEM file: the certificate to show to a gateway with mutual TLS"),
        ("tls-client-key", "PEM file: its private key"),
    ):
        value = _env(name.replace("-", "_"), "")
        parser.add_argument(f"--{name}", metavar="FILE", default=value, help=f"{text} [{value or 'none'}]")


def _env(name: str, default: object) -> object:
    return os.environ.get(f"SLUICE_{name.upper()}", default)


def _config(arguments: argparse.Namespace) -> ServeConfig:
    return ServeConfig(
        models=arguments.models.resolve(),
        bundles=arguments.bundles.resolve(),
        state=arguments.state.resolve(),
        redis_url=arguments.redis_url or DEFAULT_REDIS_URL,
        host=arguments.host,
        grpc_port=arguments.grpc_port,
        http_port=arguments.http_port,
        metrics_port=arguments.metrics_port,
        front=arguments.front,
        tls=_tls(arguments),
        records=Path(arguments.records).resolve() if arguments.records else None,
        records_max_mb=arguments.records_max_mb,
        workers=arguments.workers,
        lists=arguments.lists,
        waiting_limit=arguments.waiting_limit,
        feature_connections=arguments.feature_connections,
        seats=read_seats(arguments),
        grace=arguments.grace,
        worker_patience=arguments.worker_patience,
        log_level=arguments.log_level,
    )


def _tls(arguments: argparse.Namespace) -> ServerTls | None:
    """Return what the fronts speak TLS with, proved. Raises `ConfigError` or `TlsError`."""
    certificate, key, client_ca = arguments.tls_cert, arguments.tls_key, arguments.tls_client_ca
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise ConfigError("TLS needs a certificate and its key: give --tls-cert and --tls-key")
    tls = ServerTls(Path(certificate).resolve(), Path(key).resolve(), Path(client_ca).resolve() if client_ca else None)
    tls.check()
    return tls


def _run_up(arguments: argparse.Namespace) -> int:
    from gateway.start import run_up

    return _say_errors(lambda: run_up(_config(arguments), None if arguments.redis_url else arguments.redis_port))


def _run_serve(arguments: argparse.Namespace) -> int:
    from gateway.start import run_serve

    return _say_errors(lambda: run_serve(_config(arguments), arguments.replay_now))


def _run_predict(arguments: argparse.Namespace) -> int:
    from gateway.ask import predict

    return _say_errors(lambda: predict(_reach(arguments), arguments.deployment, arguments.values, arguments.unit))


def _run_describe(arguments: argparse.Namespace) -> int:
    from gateway.ask import describe

    return _say_errors(lambda: describe(_reach(arguments), arguments.deployment))


def _run_reload(arguments: argparse.Namespace) -> int:
    from gateway.commands import run_reload

    return run_reload(arguments.state.resolve(), arguments.forget, arguments.patience, arguments.json)


def _run_status(arguments: argparse.Namespace) -> int:
    from gateway.commands import run_status

    return run_status(arguments.state.resolve(), arguments.json)


def _reach(arguments: argparse.Namespace) -> "Reach":
    from gateway.ask import Reach
    from gateway.client import Tls

    files = (arguments.tls_ca or None, arguments.tls_client_cert or None, arguments.tls_client_key or None)
    if (files[1] is None) != (files[2] is None):
        raise ConfigError("a client certificate and its key belong together: --tls-client-cert and --tls-client-key")
    tls = Tls(*files) if arguments.tls or any(files) else None
    return Reach(arguments.address, arguments.timeout, tls)


def _say_errors(run: Callable[[], int]) -> int:
    try:
        return run()
    except (ConfigError, TlsError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 2
