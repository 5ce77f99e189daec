"""PEM files that TLS is spoken with: taken as they should be, or refused in one line that says what to give instead."""

import ssl
from pathlib import Path


class TlsError(ValueError):
    """A file that TLS cannot be spoken with; one clear line says which, and what to give instead."""


def read_pem(path: Path) -> bytes:
    """Return the file's bytes. Raises `TlsError`."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise TlsError(f"cannot read {path}: {exc.strerror}") from exc


def load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have the context show this certificate. Raises `TlsError` unless the key is its own, and not encrypted."""

    def refuse_passphrase() -> str:
        # Without this, OpenSSL would ask on the terminal and a service would hang.
        raise TlsError(f"{key} is encrypted: give a key without a passphrase, readable by the gateway alone")

    try:
        context.load_cert_chain(certificate, key, password=refuse_passphrase)
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{key} is not the key of {certificate}: give the pair") from exc
        why = exc.reason or "the key file holds no private key in PEM"
        raise TlsError(f"TLS cannot be spoken with {certificate} and {key}: {why}") from exc


def load_authorities(context: ssl.SSLContext, path: Path) -> None:
    """Have the context trust what is in the file. Raises `TlsError`."""
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as exc:
        raise TlsError(f"{path} holds no certificate in PEM") from exc
