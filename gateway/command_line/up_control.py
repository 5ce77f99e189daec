"""`sluice up`'s control plane: `sluice control` beside the gateway, and two people to try rollouts with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.command_line.kept_process import KeptProcess
from gateway.config import ServeConfig

ASKER, APPROVER = "asker", "approver"
_ROLES = {ASKER: ("request", "approve", "operate"), APPROVER: ("approve", "operate")}


@contextmanager
def beside(config: ServeConfig, redis_url: str, grpc_port: int, http_port: int) -> Iterator[ServeConfig]:
    """Run the control process while the block runs, and yield what the gateway has to be told of it.

    Rollouts live in the embedded Redis beside the features, in a database of their own.
    """
    url = f"{redis_url.rpartition('/')[0]}/1"
    people = make_people(config.state / "people")
    command = [sys.executable, "-m", "gateway", "control", "--models", str(config.models), "--control-url", url]
    command += ["--principals", str(people), "--host", config.host]
    command += ["--control-grpc-port", str(grpc_port), "--control-http-port", str(http_port)]
    with KeptProcess(command, config.state / "control.log"):
        yield replace(config, control_url=url)


def make_people(folder: Path) -> Path:
    """Make two people's keys where there are none yet; return the file that knows them."""
    from routing.control.keys import entry, make_key, read_key
    from routing.control.principals import Role

    known = folder / "principals.yaml"
    if not known.exists():
        lines = ["principals:"]
        for name, roles in _ROLES.items():
            path = folder / f"{name}.pem"
            key = read_key(path) if path.exists() else make_key(path)
            lines.append(entry(name, key, [Role(role) for role in roles]))
        known.write_text("\n".join([*lines, ""]))
    return known
