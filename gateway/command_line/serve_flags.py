"""The flags of `sluice up` and `sluice serve`, and the config that they make."""

import argparse
import os
from pathlib import Path

from gateway.command_line.environment import ROOT, env
from gateway.command_line.queue_flags import QUEUE_FLAGS, read_queue
from gateway.command_line.seat_flags import SEAT_FLAGS, read_seats
from gateway.config import DEFAULT_REDIS_URL, ConfigError, ServeConfig, available_cpus, without_password
from gateway.fronts.tls import ServerTls


def add_serve_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, with the environment's values as defaults."""
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
        ("spare-workers", int, 1, "processes that wait, everything imported, for the place of a worker that dies"),
        ("redis-url", str, "", f"the Redis that Feast fills; empty: {DEFAULT_REDIS_URL}, embedded with `up`"),
        ("control-url", str, "", "the Redis that `sluice control` keeps rollouts in; empty: no rollouts"),
        *QUEUE_FLAGS,
        (
            "gateway-name",
            str,
            "",
            "what `sluice control` calls this gateway, the same after a restart; empty: the machine's name and port",
        ),
        ("models", Path, ROOT / "models", "where <name>/deployment.yaml lie"),
        ("bundles", Path, ROOT / "models" / "bundles", "where <deployment>/<version>/ lie"),
        ("state", Path, ROOT / ".sluice", "where metric files, clocks and the embedded Redis lie"),
        ("records", str, "", "where decision records are kept; empty: records/ in the state directory"),
        ("records-max-mb", int, 1024, "MiB that closed segments of them may take, all workers together; the oldest go"),
        ("lists", int, 2, "lists of one deployment on their way at once, in one worker"),
        ("waiting-limit", int, 2048, "calls of one deployment that may wait before new ones are refused"),
        ("calls-at-once", int, 256, "calls that one worker has in hand; h2corn turns more away unread (HTTP 503)"),
        ("feature-connections", int, 2, "sockets to Redis, in one worker"),
        *SEAT_FLAGS,
        ("grace", float, 10.0, "seconds for accepted calls to be answered in when stopping"),
        ("worker-patience", float, 10.0, "seconds that a worker may say nothing before it is killed and started anew"),
        ("log-level", str, "warning", "debug, info, warning or error"),
    ]
    for name, kind, default, text in flags:
        value = env(name.replace("-", "_"), default)
        shown = without_password(str(value)) or "none"
        parser.add_argument(f"--{name}", type=kind, default=value, help=f"{text} [{shown}]".replace("%", "%%"))


def read_config(arguments: argparse.Namespace) -> ServeConfig:
    """Return the config. Raises `ConfigError` or `TlsError`."""
    return ServeConfig(
        models=arguments.models.resolve(),
        bundles=arguments.bundles.resolve(),
        state=arguments.state.resolve(),
        redis_url=arguments.redis_url or DEFAULT_REDIS_URL,
        control_url=arguments.control_url,
        queue_url=arguments.queue_url,
        queue=read_queue(arguments),
        gateway_name=arguments.gateway_name or f"{os.uname().nodename}:{arguments.grpc_port}",
        host=arguments.host,
        grpc_port=arguments.grpc_port,
        http_port=arguments.http_port,
        metrics_port=arguments.metrics_port,
        front=arguments.front,
        tls=read_tls(arguments),
        records=Path(arguments.records).resolve() if arguments.records else None,
        records_max_mb=arguments.records_max_mb,
        workers=arguments.workers,
        spare_workers=arguments.spare_workers,
        lists=arguments.lists,
        waiting_limit=arguments.waiting_limit,
        calls_at_once=arguments.calls_at_once,
        feature_connections=arguments.feature_connections,
        seats=read_seats(arguments),
        grace=arguments.grace,
        worker_patience=arguments.worker_patience,
        log_level=arguments.log_level,
    )


def read_tls(arguments: argparse.Namespace) -> ServerTls | None:
    """Return what the fronts speak TLS with, proved. Raises `ConfigError` or `TlsError`."""
    certificate, key, client_ca = arguments.tls_cert, arguments.tls_key, arguments.tls_client_ca
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise ConfigError("TLS needs a certificate and its key: give --tls-cert and --tls-key")
    tls = ServerTls(Path(certificate).resolve(), Path(key).resolve(), Path(client_ca).resolve() if client_ca else None)
    tls.check()
    return tls
