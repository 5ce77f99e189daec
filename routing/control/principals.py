"""Who may do what: people and services by name, with their public keys and roles, from `principals.yaml`.

The file lies outside Redis, because whoever can write there must not be able to make himself somebody.

```yaml
principals:
  ada:   {key: "base64 of 32 bytes: an ed25519 public key", roles: [request, approve]}
  night: {key: "…", roles: [operate]}
```
"""

import base64
import binascii
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from routing.control.small_order import has_small_order

# What a document can make Python say: of its types, of numbers that are too large, of what is nested too deep.
_STRANGE = (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError)


class Role(StrEnum):
    """What a principal may ask for. Whoever has any may look."""

    REQUEST = "request"
    """Start rollouts."""
    APPROVE = "approve"
    """Approve steps of rollouts that somebody else has requested."""
    OPERATE = "operate"
    """Abort, undo, freeze, stop."""


class PrincipalsError(ValueError):
    """A `principals.yaml` that cannot be used; one line says which entry and what is wrong."""


class _Once(yaml.SafeLoader):
    """Refuses a name that stands twice: PyYAML would keep the one that stands last, and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping."""
        self.flatten_mapping(node)
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise PrincipalsError(f"{twice[0]} stands twice: keep one of them")
        return super().construct_mapping(node, deep)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who can sign."""

    name: str
    key: Ed25519PublicKey
    roles: frozenset[Role]


def read_principals(path: Path) -> dict[str, Principal]:
    """Read everybody by name. Raises `PrincipalsError`."""
    try:
        document = yaml.load(path.read_text(), _Once)  # noqa: S506 - it is a SafeLoader
        entries: Mapping[str, Any] = document["principals"]
        return _each_with_a_key_of_its_own([_read(name, entry) for name, entry in entries.items()])
    except PrincipalsError as exc:
        raise PrincipalsError(f"{path}: {exc}") from exc
    except (OSError, yaml.YAMLError, *_STRANGE) as exc:
        raise PrincipalsError(f"{path}: {' '.join(str(exc).split())}; it holds `principals:`, by name") from exc


def _each_with_a_key_of_its_own(principals: Sequence[Principal]) -> dict[str, Principal]:
    """Return them by name: whoever had one key under two names could approve what he has requested himself."""
    owners: dict[bytes, str] = {}
    for principal in principals:
        owner = owners.setdefault(principal.key.public_bytes_raw(), principal.name)
        if owner != principal.name:
            raise PrincipalsError(f"{principal.name}: has the key of {owner}: each name needs a key of its own")
    return {principal.name: principal for principal in principals}


def _read(name: object, entry: Mapping[str, Any]) -> Principal:
    if not isinstance(name, str):
        raise PrincipalsError(f"{name} is no name: write it in quotes")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(entry["key"]), validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error) as exc:
        raise PrincipalsError(f"{name}: key is no ed25519 public key (base64 of its 32 bytes)") from exc
    if has_small_order(key.public_bytes_raw()):
        raise PrincipalsError(
            f"{name}: key is of small order: anybody could sign for it, and it was not made by `sluice rollout key new`"
        )
    roles = [str(role) for role in entry.get("roles") or ()]
    unknown = [role for role in roles if role not in list(Role)]
    if unknown or not roles:
        raise PrincipalsError(f"{name}: roles are {roles}; they are some of {', '.join(Role)}")
    return Principal(name, key, frozenset(Role(role) for role in roles))
