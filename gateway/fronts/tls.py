"""The files that make the fronts speak TLS, and the proof at start that a client could accept them.

Paths travel to the workers, never contents. Each server reads them when it starts, so a worker that is started anew
takes up a certificate that was renewed meanwhile.
"""

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.pem import TlsError, load_authorities, load_pair, read_pem


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What the fronts show, and whom they let in. Paths of PEM files."""

    certificate: Path
    """The gateway's certificate, followed by the intermediate ones if there are any."""
    key: Path
    """Its private key, not encrypted."""
    client_ca: Path | None = None
    """Mutual TLS: only clients whose certificate comes from one of these authorities are let in."""

    def check(self) -> None:
        """Raise `TlsError` unless every file can be read, belongs together and holds now."""
        for path in (self.certificate, self.key, self.client_ca):
            if path is not None:
                read_pem(path)
        _shake_hands(self._trusting_itself(), self._own_context(), self.certificate)
        if self.client_ca is not None:
            _check_authorities(self.client_ca)

    def context(self) -> ssl.SSLContext:
        """Return the context for an HTTP/1.1 server in Python. Raises `TlsError`."""
        context = self._own_context()
        context.set_alpn_protocols(["http/1.1"])
        if self.client_ca is not None:
            load_authorities(context, self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _own_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        load_pair(context, self.certificate, self.key)
        return context

    def _trusting_itself(self) -> ssl.SSLContext:
        """Return a client that takes this very certificate for its authority: what is left to refuse is its dates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        load_authorities(context, self.certificate)
        return context


def _check_authorities(path: Path) -> None:
    """Raise `TlsError` unless the file names an authority that holds now; old ones beside it are no harm."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_authorities(context, path)
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    if not ends:
        raise TlsError(f"{path} holds no certificate of an authority (CA:TRUE): give the one that signs your clients'")
    if max(ends) < time.time():
        raise TlsError(f"{path}: every authority in it has expired: no client could be let in")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, certificate: Path) -> None:
    """Let both meet in memory: the standard library reads a certificate's dates nowhere but in a handshake."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asker = client.wrap_bio(to_client, to_server)
    answerer = server.wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (asker, answerer, asker):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as exc:
        raise TlsError(f"{certificate}: {exc.verify_message}: clients would refuse it") from exc
    except ssl.SSLError as exc:
        raise TlsError(f"{certificate}: no handshake succeeds with it ({exc.reason})") from exc
