"""Every front over TLS: the same answers for those who may come in, a quick end for everybody else."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import pytest

from gateway.fronts.tls import ServerTls
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import ServedFront, served_front
from loadtests.certificate import Pair, make_pair
from tests.conformance.front_speakers import GrpcSpeaker, JsonSpeaker, Reply, Speaker

FRONTS = ("h2corn-grpc", "h2corn-json", "conservative-grpc", "conservative-json")
BODY = {"entities": {"card_id": 1, "store_id": 2}, "features": {"amount": 1.0}}
# Longer than any refusal should take, and shorter than the servers' patience with a peer that says nothing.
QUICK = 4.0


@dataclass(frozen=True)
class Papers:
    """Who is who: the authority that all trust, those it vouches for, and one it does not know."""

    authority: Pair
    server: Pair
    client: Pair
    stranger: Pair


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    authority = make_pair(folder, "ca-")
    server, client = (make_pair(folder, f"{name}-", authority) for name in ("server", "client"))
    return Papers(authority, server, client, make_pair(folder, "stranger-"))


@pytest.fixture(params=FRONTS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def serving(kind: str, papers: Papers, mutual: bool = False) -> AsyncIterator[ServedFront]:
    authority = papers.authority.certificate if mutual else None
    tls = ServerTls(papers.server.certificate, papers.server.key, authority)
    async with served_front(kind.split("-")[0], ScriptedDoor(), tls=tls) as served:
        yield served


async def ask(kind: str, served: ServedFront, trusted: Path, shown: Pair | None = None) -> Reply:
    """Ask for one prediction by a client that others wrote; raises what that client raises."""
    if kind.endswith("grpc"):
        async with grpc.aio.secure_channel(served.grpc, channel_credentials(trusted, shown)) as channel:
            return await predict(GrpcSpeaker(channel))
    async with httpx.AsyncClient(base_url=served.http, verify=client_context(trusted, shown)) as client:
        return await predict(JsonSpeaker(client))


async def predict(speaker: Speaker) -> Reply:
    assert await speaker.ready()
    return await speaker.call("predict", "fraud", dict(BODY), x_request_id="r-1")


def channel_credentials(trusted: Path, shown: Pair | None) -> grpc.ChannelCredentials:
    pair = (None, None) if shown is None else (shown.key.read_bytes(), shown.certificate.read_bytes())
    return grpc.ssl_channel_credentials(trusted.read_bytes(), *pair)


def client_context(trusted: Path, shown: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def address(kind: str, served: ServedFront) -> tuple[str, int]:
    url = urlsplit(f"//{served.grpc}" if kind.endswith("grpc") else served.http)
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


async def meet(kind: str, served: ServedFront, context: ssl.SSLContext) -> tuple[str | None, str | None]:
    """Shake hands; return the version and the protocol that came of it."""
    _, writer = await asyncio.open_connection(*address(kind, served), ssl=context)
    found = writer.get_extra_info("ssl_object")
    writer.close()
    return found.version(), found.selected_alpn_protocol()


async def test_a_prediction(kind: str, papers: Papers) -> None:
    async with serving(kind, papers) as served:
        reply = await ask(kind, served, papers.authority.certificate)
    assert (reply.code, reply.request_id) == ("OK", "r-1")
    assert reply.body["prediction"]["decision"] == "approve"


async def test_a_client_that_trusts_somebody_else_goes_away(kind: str, papers: Papers) -> None:
    async with serving(kind, papers) as served:
        with pytest.raises((grpc.aio.AioRpcError, httpx.ConnectError), match="CERTIFICATE_VERIFY_FAILED"):
            await ask(kind, served, papers.stranger.certificate)


async def test_mutual_tls_lets_in_whom_the_authority_knows(kind: str, papers: Papers) -> None:
    async with serving(kind, papers, mutual=True) as served:
        reply = await ask(kind, served, papers.authority.certificate, papers.client)
    assert reply.code == "OK"


@pytest.mark.parametrize("stranger", [False, True], ids=["no certificate", "a stranger's certificate"])
async def test_mutual_tls_refuses_everybody_else(kind: str, papers: Papers, stranger: bool) -> None:
    shown = papers.stranger if stranger else None
    async with serving(kind, papers, mutual=True) as served:
        # With TLS 1.3 the refusal comes after the client's handshake, and httpx does not translate it then.
        with pytest.raises((grpc.aio.AioRpcError, httpx.TransportError, ssl.SSLError)) as caught:
            async with asyncio.timeout(QUICK):
                await ask(kind, served, papers.authority.certificate, shown)
        if isinstance(caught.value, grpc.aio.AioRpcError):
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("plain", [b"GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
async def test_clear_text_is_refused_quickly(kind: str, papers: Papers, plain: bytes) -> None:
    async with serving(kind, papers) as served:
        reader, writer = await asyncio.open_connection(*address(kind, served))
        writer.write(plain)
        async with asyncio.timeout(QUICK):
            heard = await end_of(reader)
        writer.close()
    assert b"HTTP" not in heard
    assert heard[:1] in (b"", b"\x15")  # nothing at all, or an alert of TLS


async def end_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_tls_1_1_is_refused_by_the_server(kind: str, papers: Papers) -> None:
    context = client_context(papers.authority.certificate)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else our own side would refuse first
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(kind, papers) as served:
        with pytest.raises((ssl.SSLError, ConnectionResetError)) as caught:
            await meet(kind, served, context)
    if isinstance(caught.value, ssl.SSLError):
        assert "ALERT" in caught.value.reason


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_versions_and_protocols(kind: str, papers: Papers, version: ssl.TLSVersion) -> None:
    context = client_context(papers.authority.certificate)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(kind, papers) as served:
        spoken = await meet(kind, served, context)
    protocol = "http/1.1" if kind == "conservative-json" else "h2"
    assert spoken == (version.name.replace("_", "."), protocol)


async def test_the_fast_front_speaks_http_1_1_where_a_client_knows_no_other(papers: Papers) -> None:
    context = client_context(papers.authority.certificate)
    context.set_alpn_protocols(["http/1.1"])
    async with serving("h2corn-json", papers) as served:
        assert (await meet("h2corn-json", served, context))[1] == "http/1.1"
