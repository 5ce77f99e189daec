"""The flags that say where bundles run, and what is made of them."""

import argparse

from gateway.backends.settings import HOSTS_POSSIBLE, HostSettings, SeatSettings
from gateway.config import ConfigError

_HOST, _SEAT = HostSettings(), SeatSettings()
SEAT_FLAGS: list[tuple[str, type, object, str]] = [
    (
        "lane-hosts",
        str,
        "on" if HOSTS_POSSIBLE else "off",
        "on: canaries and shadows run in child processes, one a bundle and worker; off: everything in the worker",
    ),
    ("host-memory-mb", int, _HOST.memory_mb, "megabytes that each model of a lane host may take beyond loading"),
    ("host-nice", int, _HOST.nice, "how far a lane host's priority lies below the worker's, 0 to 19"),
    ("host-cpus", str, "", "processors for lane hosts, like 1 or 2,3; empty: the worker's own"),
    ("host-patience-ms", float, _HOST.patience * 1e3, "a lane host that owes answers for so long is killed as stuck"),
    ("host-wait", float, _SEAT.wait, "seconds that a starting worker waits for its lane hosts"),
    ("loop-run-ms", float, _SEAT.loop_run * 1e3, "a bundle whose run of 16 rows takes longer gets a thread of its own"),
]


def read_seats(arguments: argparse.Namespace) -> SeatSettings:
    """Return what the flags say. Raises `ConfigError`."""
    if arguments.lane_hosts not in ("on", "off"):
        raise ConfigError(f"--lane-hosts is {arguments.lane_hosts!r}; it is on or off")
    try:
        host = HostSettings(
            memory_mb=arguments.host_memory_mb,
            nice=arguments.host_nice,
            cpus=tuple(int(word) for word in arguments.host_cpus.split(",") if word),
            patience=arguments.host_patience_ms / 1e3,
        )
        return SeatSettings(
            lane_hosts=arguments.lane_hosts == "on",
            host=host,
            wait=arguments.host_wait,
            loop_run=arguments.loop_run_ms / 1e3,
        )
    except ValueError as exc:
        raise ConfigError(f"lane hosts: {exc}") from exc
