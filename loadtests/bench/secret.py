"""Keeps out of what a bench writes what is nobody's business: its JSON and its page are published."""

import re
from pathlib import Path

_IN_ADDRESS = re.compile(r"(\w+://[^\s/?#@:]*):[^\s/?#]*@")
_IN_QUERY = re.compile(r"([?&]password=)[^\s&#]*")


def without_passwords(text: str) -> str:
    """Return a text with the password of every address in it starred out."""
    return _IN_QUERY.sub(r"\1***", _IN_ADDRESS.sub(r"\1:***@", text))


def without_places(text: str) -> str:
    """Return a text with paths as they are from here: where a machine keeps its folders says nothing to others."""
    return text.replace(f"{Path.cwd()}/", "")
