"""The flags that every order needs: where the control plane listens, who signs, with which key; and what they make."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.command_line.client_flags import add_connection_flags, read_tls
from gateway.command_line.environment import env
from gateway.config import ConfigError
from gateway.control.config import DEFAULT_GRPC_PORT

if TYPE_CHECKING:
    from gateway.client import Tls
    from gateway.client.rollouts import RolloutsClient


DEFAULT_KEY = "~/.config/sluice/key.pem"


def add_control_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, with the environment's values as defaults."""
    group = parser.add_argument_group("who asks, and whom")
    address = env("control", f"127.0.0.1:{env('control_grpc_port', DEFAULT_GRPC_PORT)}")
    group.add_argument("--control", metavar="ADDRESS", default=address, help="gRPC of `sluice control` [%(default)s]")
    add_principal_flag(group)
    key = Path(str(env("key", DEFAULT_KEY)))  # whose home that is, is asked only when it is read
    group.add_argument("--key", type=Path, metavar="FILE", default=key, help="your private key [%(default)s]")
    add_connection_flags(group)
    parser.add_argument("--json", action="store_true", help="print what came back as JSON, for machines")


def add_principal_flag(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """Add the flag that says in whose name."""
    name = env("principal", "")
    parser.add_argument(
        "--as", dest="principal", metavar="NAME", default=name, help=f"your name in principals.yaml [{name or 'none'}]"
    )


@dataclass(frozen=True, slots=True)
class Control:
    """How the control plane is reached, and in whose name."""

    address: str
    principal: str
    key: Path
    timeout: float
    tls: "Tls | None"

    def client(self) -> "RolloutsClient":
        """Return a client of it. Raises `KeyFileError`, or `ConfigError` when a file of TLS cannot be read."""
        from gateway.client.rollouts import RolloutsClient, Signer
        from routing.control.keys import read_key

        signer = Signer(self.principal, read_key(self.key))
        try:
            return RolloutsClient(self.address, signer, tls=self.tls, timeout=self.timeout)
        except OSError as exc:
            raise ConfigError(f"cannot read {exc.filename}: {exc.strerror}") from exc


def read_control(arguments: argparse.Namespace) -> Control:
    """Return it. Raises `ConfigError`."""
    if not arguments.principal:
        raise ConfigError("say who you are: --as NAME, or SLUICE_PRINCIPAL, the name in principals.yaml")
    tls = read_tls(arguments)
    key = Path(os.path.expanduser(arguments.key))  # `Path.expanduser` raises where nobody has a home
    return Control(arguments.control, arguments.principal, key, arguments.timeout, tls)
