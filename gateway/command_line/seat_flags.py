"""The flags that say where bundles run, and what is made of them."""

import argparse
from pathlib import Path

from gateway.backends.settings import HOSTS_POSSIBLE, HostSettings, SeatSettings
from gateway.config import ConfigError
from gateway.triton.settings import TritonSettings, TritonTls, read_addresses

_HOST, _SEAT, _TRITON = HostSettings(), SeatSettings(), TritonSettings()
SEAT_FLAGS: list[tuple[str, type, object, str]] = [
    (
        "lane-hosts",
        str,
        "on" if HOSTS_POSSIBLE else "off",
        "on: canaries and shadows run in child processes, one a bundle and worker; off: everything in the worker",
    ),
    ("host-memory-mb", int, _HOST.memory_mb, "megabytes that each model of a lane host may take beyond loading"),
    (
        "host-tensor-mb",
        int,
        _HOST.tensor_mb,
        "megabytes of a request to a lane host, or of its answer, where a deployment passes tensors on",
    ),
    ("host-nice", int, _HOST.nice, "how far a lane host's priority lies below the worker's, 0 to 19"),
    ("host-cpus", str, "", "processors for lane hosts, like 1 or 2,3; empty: the worker's own"),
    ("host-patience-ms", float, _HOST.patience * 1e3, "a lane host that owes answers for so long is killed as stuck"),
    ("host-wait", float, _SEAT.wait, "seconds that a starting worker waits for its lane hosts"),
    ("loop-run-ms", float, _SEAT.loop_run * 1e3, "a bundle whose run of 16 rows takes longer gets a thread of its own"),
    (
        "triton",
        str,
        "",
        "HOST:PORT of Triton's gRPC, for deployments with `backend: triton`; several, by commas: replicas",
    ),
    ("triton-tls-ca", str, "", "PEM file: speak TLS to Triton, trusting what is in it"),
    ("triton-tls-cert", str, "", "PEM file: the certificate to show to a Triton that wants one (mutual TLS)"),
    ("triton-tls-key", str, "", "PEM file: its private key"),
    ("triton-loading", float, _TRITON.loading, "seconds in which a bundle must be ready on a Triton, and proved"),
    (
        "triton-unload",
        str,
        "on",
        "on: the last worker that lets a bundle go has Triton unload it; off: for Tritons that several gateways share",
    ),
]


def read_seats(arguments: argparse.Namespace) -> SeatSettings:
    """Return what the flags say. Raises `ConfigError` or `TlsError`."""
    if arguments.lane_hosts not in ("on", "off"):
        raise ConfigError(f"--lane-hosts is {arguments.lane_hosts!r}; it is on or off")
    triton = _read_triton(arguments)
    try:
        host = HostSettings(
            memory_mb=arguments.host_memory_mb,
            tensor_mb=arguments.host_tensor_mb,
            nice=arguments.host_nice,
            cpus=tuple(int(word) for word in arguments.host_cpus.split(",") if word),
            patience=arguments.host_patience_ms / 1e3,
        )
        return SeatSettings(
            lane_hosts=arguments.lane_hosts == "on",
            host=host,
            wait=arguments.host_wait,
            loop_run=arguments.loop_run_ms / 1e3,
            triton=triton,
        )
    except ValueError as exc:
        raise ConfigError(f"lane hosts: {exc}") from exc


def _read_triton(arguments: argparse.Namespace) -> TritonSettings:
    if arguments.triton_unload not in ("on", "off"):
        raise ConfigError(f"--triton-unload is {arguments.triton_unload!r}; it is on or off")
    tls = _read_triton_tls(arguments)
    try:
        return TritonSettings(
            addresses=read_addresses(arguments.triton),
            tls=tls,
            loading=arguments.triton_loading,
            unload=arguments.triton_unload == "on",
            holds=arguments.state.resolve() / "triton",
        )
    except ValueError as exc:
        raise ConfigError(f"--triton: {exc}") from exc


def _read_triton_tls(arguments: argparse.Namespace) -> TritonTls | None:
    ca, certificate, key = (
        Path(said).resolve() if said else None
        for said in (arguments.triton_tls_ca, arguments.triton_tls_cert, arguments.triton_tls_key)
    )
    if ca is None:
        if certificate or key:
            raise ConfigError("TLS to Triton needs to know whom to trust: give --triton-tls-ca")
        return None
    try:
        tls = TritonTls(ca, certificate, key)
    except ValueError as exc:
        raise ConfigError(f"--triton-tls-cert and --triton-tls-key: {exc}") from exc
    tls.check()
    return tls
