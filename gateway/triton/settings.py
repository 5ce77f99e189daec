"""Where Triton is, and how it is treated. Times are in seconds."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from gateway.pem import load_authorities, load_pair, read_pem

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class TritonTls:
    """Whom the gateway trusts to be Triton, and what it shows of itself. Paths of PEM files.

    The host in an address must be one of the names in that server's certificate.
    """

    ca: Path
    """The authorities of Triton's certificates, and no others are trusted."""
    certificate: Path | None = None
    """The gateway's own, for servers that want one (--grpc-use-ssl-mutual), followed by the intermediate ones."""
    key: Path | None = None
    """Its private key, not encrypted."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client certificate and its key belong together: give both, or neither")

    def check(self) -> None:
        """Raise `TlsError` unless every file can be read, and the pair belongs together."""
        for path in (self.ca, self.certificate, self.key):
            if path is not None:
                read_pem(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load_authorities(context, self.ca)
        if self.certificate is not None and self.key is not None:
            load_pair(context, self.certificate, self.key)


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """What holds for every bundle on Triton."""

    addresses: tuple[str, ...] = ()
    """HOST:PORT of Triton's gRPC; several are replicas of one another."""
    tls: TritonTls | None = None
    """How they are spoken to; None: in clear text."""
    loading: float = 60.0
    """A bundle must be ready on a server, and proved, by then."""
    look_every: float = 1.0
    """Between two looks at a server that nobody has complained about, and before one that was given up is tried again
    for the second time and from then on."""
    look_patience: float = 1.0
    """For the answer to one look."""
    first_pause: float = 0.1
    """Before a server that was given up is tried again; doubled each time, up to `look_every`."""
    unload: bool = True
    """Whether the last worker of this gateway that lets a bundle go has Triton unload it."""
    holds: Path | None = None
    """Where the files lie by which workers know whether they are the last; None: nothing is unloaded."""

    def __post_init__(self) -> None:
        for address in self.addresses:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"Triton's address {address!r:.80} is not HOST:PORT")
        if len(set(self.addresses)) != len(self.addresses):
            raise ValueError("Triton's addresses repeat themselves")
        if not (self.loading > 0 and self.look_patience > 0 and 0 < self.first_pause <= self.look_every):
            raise ValueError("Triton's times must be above zero, the first pause not above the time between two looks")


def read_addresses(said: str) -> tuple[str, ...]:
    """Return the addresses of a list like `a:8001,b:8001`."""
    return tuple(word.strip() for word in said.split(",") if word.strip())
