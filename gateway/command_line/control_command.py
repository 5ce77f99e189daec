"""`sluice control`: its flags, the config that they make, and what it says when it starts or cannot."""

import argparse
import importlib.util
import sys
from pathlib import Path

from gateway.command_line.environment import ROOT, env
from gateway.command_line.serve_flags import read_tls
from gateway.config import ConfigError, without_password
from gateway.control.config import DEFAULT_CONTROL_URL, DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT, ControlConfig
from gateway.pem import TlsError

_DESCRIPTION = """\
Judge every rollout that runs, move it on or take it back, and answer whoever asks about it. Any number may run beside
each other: one of them leads, and another one takes its place within seconds. Rollouts live in the control Redis, which
must have an append-only file and may evict nothing. principals.yaml and every deployment.yaml are read again when they
change. Every call to it is an order that a principal of principals.yaml has signed: `sluice rollout` does that.
"""
_EPILOG = """\
examples:
  redis-server --port 6400 --appendonly yes --maxmemory-policy noeviction
  sluice control --control-url redis://127.0.0.1:6400/0 --principals principals.yaml

principals.yaml:
  principals:
    ada:   {key: "base64 of an ed25519 public key", roles: [request, approve]}
    night: {key: "...", roles: [operate]}
"""


def add_control(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command, with the environment's values as its flags' defaults."""
    parser = commands.add_parser(
        "control",
        help="judge rollouts, and answer whoever watches, approves, aborts or undoes them",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags: list[tuple[str, type, object, str]] = [
        ("control-url", str, DEFAULT_CONTROL_URL, "the Redis that rollouts are kept in"),
        ("models", Path, ROOT / "models", "where <name>/deployment.yaml lie, with their `rollout` sections"),
        ("principals", Path, ROOT / "principals.yaml", "who may sign orders, and which"),
        ("host", str, "127.0.0.1", "address to listen on"),
        ("prometheus", str, "", "URL of the Prometheus for `queries` of deployments that name none; empty: none"),
        ("tls-cert", str, "", "PEM file: the certificate (chain) to speak TLS with; empty: clear text"),
        ("tls-key", str, "", "PEM file: its private key, without a passphrase"),
        ("tls-client-ca", str, "", "PEM file: mutual TLS, only clients with a certificate from this authority"),
        ("log-level", str, "info", "debug, info, warning or error"),
    ]
    for name, kind, default, text in flags:
        value = env(name.replace("-", "_"), default)
        shown = without_password(str(value)) or "none"
        parser.add_argument(f"--{name}", type=kind, default=value, help=f"{text} [{shown}]".replace("%", "%%"))
    add_control_ports(parser)
    parser.set_defaults(run=_run)


def add_control_ports(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the ports that a control plane answers on."""
    for name, port, what in (
        ("grpc", DEFAULT_GRPC_PORT, "gRPC: sluice.v1.Rollouts, health, reflection"),
        ("http", DEFAULT_HTTP_PORT, "HTTP: the same as JSON, /docs, /metrics"),
    ):
        value = env(f"control_{name}_port", port)
        text = f"port of the control plane for {what} [{value}]"
        parser.add_argument(f"--control-{name}-port", type=int, default=value, help=text)


def read_control(arguments: argparse.Namespace) -> ControlConfig:
    """Return the config. Raises `ConfigError` or `TlsError`."""
    return ControlConfig(
        models=arguments.models.resolve(),
        principals=arguments.principals.resolve(),
        control_url=arguments.control_url or DEFAULT_CONTROL_URL,
        host=arguments.host,
        grpc_port=arguments.control_grpc_port,
        http_port=arguments.control_http_port,
        prometheus=arguments.prometheus,
        tls=read_tls(arguments),
        log_level=arguments.log_level,
    )


def _run(arguments: argparse.Namespace) -> int:
    try:
        config = read_control(arguments)
    except (ConfigError, TlsError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 2
    return _serve(config)


def _serve(config: ControlConfig) -> int:
    if importlib.util.find_spec("cryptography") is None:
        print("sluice: signatures need the package cryptography: install the extra `control`", file=sys.stderr)
        return 1
    from gateway.control.serve import serve_control
    from gateway.deployment import DeploymentError
    from monitoring import log
    from routing.control.errors import ControlError
    from routing.control.principals import PrincipalsError

    log.configure(config.log_level)
    try:
        serve_control(config, lambda: _announce(config))
    except (ControlError, DeploymentError, PrincipalsError, OSError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 1
    print("stopped", flush=True)
    return 0


def _announce(config: ControlConfig) -> None:
    scheme = "http" if config.tls is None else "https"
    print(
        f"""
ready
  gRPC        {config.host}:{config.grpc_port}     sluice.v1.Rollouts, health, reflection
  HTTP        {scheme}://{config.host}:{config.http_port}     documentation at /docs, metrics at /metrics
  rollouts    in {config.shown_url}
  principals  from {config.principals}

Ctrl-C stops.""",
        flush=True,
    )
