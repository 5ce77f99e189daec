"""People's keys: ed25519 private keys in files of their own, and the entry of `principals.yaml` that knows one.

A key stays with whoever signs. The file is readable by its owner alone, and one that is not is not used.
"""

import base64
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from routing.control.principals import Role

_OTHERS = 0o077


class KeyFileError(ValueError):
    """A key file that cannot be made or used; one line names it and says what to do."""


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and the file that holds it, with the directories above it. Raises `KeyFileError` where one lies."""
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except FileExistsError as exc:
        raise KeyFileError(f"{path} exists already, and a key is not overwritten: name another file") from exc
    except OSError as exc:
        raise KeyFileError(f"{path}: {exc.strerror}") from exc
    return key


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read the key of a file. Raises `KeyFileError`, also where somebody else may read it too."""
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except OSError as exc:
        raise KeyFileError(f"{path}: {exc.strerror}: make one with `sluice rollout key new`") from exc
    try:
        key = load_pem_private_key(data, None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as exc:
        raise KeyFileError(f"{path} holds no private key in PEM without a passphrase") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds another kind of key than ed25519: make one with `sluice rollout key new`")
    if mode & _OTHERS:
        raise KeyFileError(f"{path} can be read by others than its owner: chmod 600 {path}")
    return key


def entry(name: str, key: Ed25519PrivateKey, roles: Iterable[Role] = tuple(Role)) -> str:
    """Return the line that `principals.yaml` needs to know the key by, with the public half alone."""
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return f'  {name}: {{key: "{public}", roles: [{", ".join(roles)}]}}'
