"""`sluice rollout key`: makes the key that somebody signs with, and says what principals.yaml needs to know of it."""

import argparse
import json
from collections.abc import Sequence

from gateway.config import ConfigError
from routing.control.keys import entry, make_key, read_key
from routing.control.principals import Role


def key(arguments: argparse.Namespace) -> int:
    """Make a key in a file, or read one, and print its entry."""
    if not arguments.principal:
        raise ConfigError("say whose key it is: --as NAME")
    roles = _roles(arguments.roles)
    made = arguments.key_action == "new"
    found = make_key(arguments.file) if made else read_key(arguments.file)
    line = entry(arguments.principal, found, roles)
    if arguments.json:
        print(json.dumps({"file": str(arguments.file), "principal": arguments.principal, "entry": line.strip()}))
    elif made:
        print(f"# {arguments.file} is yours alone; for principals.yaml, under `principals:`, with the roles you get:")
        print(line)
    else:
        print(line)
    return 0


def _roles(text: str) -> Sequence[Role]:
    names = text.split(",")
    unknown = [name for name in names if name not in list(Role)]
    if unknown:
        raise ConfigError(f"--roles: {unknown[0]!r} is no role; they are some of {', '.join(Role)}")
    return [Role(name) for name in names]
