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
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


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


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who can sign."""

    name: str
    key: Ed25519PublicKey
    roles: frozenset[Role]


def read_principals(path: Path) -> dict[str, Principal]:
    """Read everybody by name. Raises `PrincipalsError`."""
    try:
        document = yaml.safe_load(path.read_text())
        entries: Mapping[str, Any] = document["principals"]
        return {str(name): _read(str(name), entry) for name, entry in entries.items()}
    except PrincipalsError as exc:
        raise PrincipalsError(f"{path}: {exc}") from exc
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as exc:
        raise PrincipalsError(f"{path}: {' '.join(str(exc).split())}; it holds `principals:`, by name") from exc


def _read(name: str, entry: Mapping[str, Any]) -> Principal:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(entry["key"]), validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error) as exc:
        raise PrincipalsError(f"{name}: key is no ed25519 public key (base64 of its 32 bytes)") from exc
    roles = [str(role) for role in entry.get("roles") or ()]
    unknown = [role for role in roles if role not in list(Role)]
    if unknown or not roles:
        raise PrincipalsError(f"{name}: roles are {roles}; they are some of {', '.join(Role)}")
    return Principal(name, key, frozenset(Role(role) for role in roles))
