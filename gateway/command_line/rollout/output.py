"""Prints what came back: lines for people, in colour where that is wanted, or JSON for machines."""

import sys
from collections.abc import Iterable

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text


def console() -> Console:
    """Return standard output as rich sees it: no colour where that is no terminal, or NO_COLOR is set."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(lines: Iterable[Text | str]) -> None:
    """Print lines, each as long as it is."""
    out = console()
    for line in lines:
        out.print(line, soft_wrap=True)


def show_json(message: Message, indent: int | None = 2) -> None:
    """Print a message as protobuf's own JSON, every field under the name that the contract gives it."""
    text = MessageToJson(
        message, indent=indent, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    print(text, flush=True)
