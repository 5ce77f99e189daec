"""How the client speaks TLS: whom it trusts, and what it shows of itself."""

from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True)
class Tls:
    """`Tls()` trusts the authorities that browsers trust; `Tls("ca.pem")` those in the file and no others.

    For a gateway with mutual TLS give a certificate and its key as well. All are paths of PEM files. The host in the
    client's address must be one of the names in the gateway's certificate.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client certificate and its key belong together: give both, or neither")

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files. Raises `OSError`."""
        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.certificate))


def _read(path: str | Path | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
