"""The flags of the commands that ask a running gateway, and how it is reached by them."""

import argparse
from typing import TYPE_CHECKING

from gateway.command_line.environment import env
from gateway.config import DEFAULT_GRPC_PORT, ConfigError

if TYPE_CHECKING:
    from gateway.client import Tls
    from gateway.command_line.ask import Reach


def add_client_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, with the environment's values as defaults."""
    address = env("address", f"127.0.0.1:{env('grpc_port', str(DEFAULT_GRPC_PORT))}")
    parser.add_argument("--address", default=address, help="host:port of the gateway's gRPC [%(default)s]")
    add_connection_flags(parser)


def add_connection_flags(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add those of TLS and patience, whoever is spoken to."""
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds [%(default)s]")
    parser.add_argument("--tls", action="store_true", help="speak TLS, trusting the authorities that browsers trust")
    for name, text in (
        ("tls-ca", "PEM file: speak TLS, trusting what is in it"),
        ("tls-client-cert", "PEM file: the certificate to show where TLS is mutual"),
        ("tls-client-key", "PEM file: its private key"),
    ):
        value = env(name.replace("-", "_"), "")
        parser.add_argument(f"--{name}", metavar="FILE", default=value, help=f"{text} [{value or 'none'}]")


def read_reach(arguments: argparse.Namespace) -> "Reach":
    """Return how the gateway is reached. Raises `ConfigError`."""
    from gateway.command_line.ask import Reach

    return Reach(arguments.address, arguments.timeout, read_tls(arguments))


def read_tls(arguments: argparse.Namespace) -> "Tls | None":
    """Return how TLS is spoken, None for clear text. Raises `ConfigError`."""
    from gateway.client import Tls

    files = (arguments.tls_ca or None, arguments.tls_client_cert or None, arguments.tls_client_key or None)
    if (files[1] is None) != (files[2] is None):
        raise ConfigError("a client certificate and its key belong together: --tls-client-cert and --tls-client-key")
    return Tls(*files) if arguments.tls or any(files) else None
