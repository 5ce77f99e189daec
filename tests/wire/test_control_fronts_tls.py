"""Both fronts of the control process over mutual TLS: who has no certificate of the authority gets no answer at all."""

import ssl
from pathlib import Path

import grpc
import httpx
import pytest

from gateway.fronts.tls import ServerTls
from loadtests.certificate import make_pair
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsStub
from tests.wire.control_speakers import HttpSpeaker, Scene, served


async def test_who_shows_a_certificate_is_answered_and_nobody_else_is(tmp_path: Path, scene: Scene) -> None:
    authority = make_pair(tmp_path, "ca-")
    server, client = (make_pair(tmp_path, f"{name}-", authority) for name in ("server", "client"))
    root = authority.certificate.read_bytes()
    shown = grpc.ssl_channel_credentials(root, client.key.read_bytes(), client.certificate.read_bytes())
    context = ssl.create_default_context(cafile=str(authority.certificate))
    without = ssl.create_default_context(cafile=str(authority.certificate))
    context.load_cert_chain(client.certificate, client.key)
    tls = ServerTls(server.certificate, server.key, authority.certificate)
    async with served(scene, tls) as (address, url):
        async with grpc.aio.secure_channel(address, shown) as channel:
            assert (await RolloutsStub(channel).List(scene.order("ada", "list", ""))).deployments
        async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(root)) as channel:
            with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
                await RolloutsStub(channel).List(scene.order("ada", "list", ""), timeout=4.0)
        async with httpx.AsyncClient(base_url=url, verify=context) as http:
            assert (await HttpSpeaker(http).ask("list", scene.order("ada", "list", ""))).deployments
        async with httpx.AsyncClient(base_url=url, verify=without) as http:
            with pytest.raises(httpx.TransportError):
                await http.get("/healthz")
