"""TLS around a wire, without a socket: the same bytes in and out, sealed.

As a wire around a wire it needs nothing of the loop that drives it. One read and one write of the socket carry whatever
records are there, where Python's own TLS sockets make two reads a record.
"""

import ssl
from dataclasses import replace
from pathlib import Path

from loadtests.dialect import Dialect
from loadtests.exchange import Exchange, Wire, WireError

_READ_BYTES = 1 << 16
_PROTOCOLS = {"http": "http/1.1"}


def over_tls(spoken: Dialect, host: str, authority: Path) -> Dialect:
    """Return the dialect as it is spoken over TLS to `host`, whose certificate must come from `authority`.

    Raises OSError when the authority cannot be read.
    """
    protocol = _PROTOCOLS.get(spoken.name, "h2")
    context = trusting(authority)
    context.set_alpn_protocols([protocol])
    return replace(spoken, make_wire=lambda: TlsWire(spoken.make_wire(), context, host, protocol))


def trusting(authority: Path) -> ssl.SSLContext:
    """Return a client's context that trusts what is in the file and nothing else. Raises OSError."""
    authority.open("rb").close()  # OpenSSL does not name the file that it cannot read
    try:
        return ssl.create_default_context(cafile=authority)
    except ssl.SSLError as exc:
        raise OSError(f"{authority} holds no certificate in PEM") from exc


class TlsWire:
    """Seals what the inner wire sends and opens what it is to receive. The first call waits for the handshake."""

    def __init__(self, inner: Wire, context: ssl.SSLContext, host: str, protocol: str) -> None:
        self._inner = inner
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._ready = False
        self._first = b""

    @property
    def leaving(self) -> bool:
        """Whether the peer asked for the end."""
        return self._inner.leaving

    @leaving.setter
    def leaving(self, value: bool) -> None:
        self._inner.leaving = value

    def start(self, exchange: Exchange) -> bytes:
        """Seal the call; the first one is kept, and what goes out is the beginning of the handshake."""
        if self._ready:
            return self._seal(self._inner.start(exchange))
        if self._first:
            return b""
        self._first = self._inner.start(exchange)
        if not self._first:
            return b""
        self._shake()
        return self._outgoing.read()

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        """Open the peer's bytes and hand them on; raises WireError, also when the peer is not whom we trust."""
        self._incoming.write(data)
        if not self._ready and not self._shake():
            return [], self._outgoing.read()
        plain = self._open()
        done, owed = self._inner.receive(plain) if plain else ([], b"")
        return done, self._seal(owed)

    def abandon(self) -> list[Exchange]:
        """Forget the calls in flight and return them."""
        return self._inner.abandon()

    def _shake(self) -> bool:
        """Go on with the handshake; return whether it is over, and then send the call that waited for it."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as exc:
            raise WireError(f"no TLS: {exc.reason or exc}") from exc
        if self._tls.selected_alpn_protocol() != self._protocol:
            raise WireError(f"the server does not agree to speak {self._protocol}")
        self._ready = True
        self._tls.write(self._first)
        return True

    def _seal(self, plain: bytes) -> bytes:
        if plain:
            self._tls.write(plain)
        return self._outgoing.read()

    def _open(self) -> bytes:
        plain = b""
        try:
            while self._incoming.pending or self._tls.pending():
                plain += self._tls.read(_READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass  # half a record, or the peer's goodbye: the connection's end says the rest
        except ssl.SSLError as exc:
            raise WireError(f"TLS broken: {exc.reason or exc}") from exc
        return plain
