"""Commands of the offline side: each a module of `models`, in a process of its own; serving needs none of them."""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Offline(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    help: str


OFFLINE: Final[Mapping[str, Offline]] = {
    "adopt": Offline("models.adopt", "make a bundle out of a model that others made, for any tensors"),
    "triton-repository": Offline("models.triton_repository", "write bundles as a model repository of NVIDIA Triton"),
}


def add_offline(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Name them in the list of commands; their flags are their own."""
    for name, command in OFFLINE.items():
        commands.add_parser(name, help=command.help, add_help=False)


def run_offline(name: str, words: Sequence[str]) -> int:
    """Run one to its end; return its exit status."""
    return subprocess.run([sys.executable, "-m", OFFLINE[name].module, *words], check=False).returncode
