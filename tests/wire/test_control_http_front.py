"""What the HTTP front of the control process says beside answering orders: documents, health, metrics, what is not."""

from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from routing.control.desk import MOST_BYTES
from routing.control.errors import ControlError
from tests.wire.control_speakers import METHODS, Scene, served


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    async with served(scene) as (_, address), httpx.AsyncClient(base_url=address) as client:
        yield client


async def test_every_method_is_documented_with_its_order_answer_and_errors(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for deed, method in METHODS.items():
        operation = document["paths"][f"/v1/rollouts/{deed}"]["post"]
        assert operation["summary"]
        (media, content), *_ = operation["responses"]["200"]["content"].items()
        assert media == ("application/x-ndjson" if method.streams else "application/json")
        assert content["schema"]["$ref"].endswith(f"/{method.answer.name}")
        assert set(operation["responses"]) == {"200", "400", "403", "404", "409", "413", "503"}
    schemas = document["components"]["schemas"]
    assert schemas["SignedOrder"]["properties"]["signature"] == {"type": "string", "format": "byte"}
    assert schemas["RolloutState"]["properties"]["guards"]["items"]["$ref"].endswith("/GuardEvidence")
    assert schemas["Verdict"]["properties"]["numbers"]["additionalProperties"] == {"type": "number"}
    page = await client.get("/docs")
    assert all(f"/v1/rollouts/{deed}" in page.text for deed in METHODS)
    assert "<script" not in page.text


async def test_it_is_ready_while_the_control_redis_answers(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.leader.tick()
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "leader": "leader"})
    scene.store.error = ControlError("the control Redis does not answer: refused")
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_every_rollout_is_in_the_metrics(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.report()
    order = scene.start()
    await scene.desk.answer("start", order)
    await scene.leader.tick()
    text = (await client.get("/metrics")).text
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    fraud = ("deployment", "fraud")
    name = (await scene.rollout()).name
    state = (("candidate", "2"), fraud, ("rollout", name), ("state", "pending"))
    assert found["sluice_control_led",] == 1.0
    assert found["sluice_rollout_state", *state] == 1.0
    assert found["sluice_rollout_weight", fraud] == 0.0
    assert found["sluice_rollout_frozen", ("deployment", "quotes")] == 0.0
    assert found["sluice_rollout_evidence", fraud, ("dry_run", "false"), ("guard", "row_faults")] == pytest.approx(1.0)
    assert found["sluice_rollout_evidence_enough", fraud, ("guard", "row_faults")] == pytest.approx(600.0)
    assert found["sluice_rollout_proof_enough", fraud] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"1", 400),
        (b'{"principal": 1}', 400),
        (b'{"sender": "ada"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 20_000, 400),
        (b" " * (MOST_BYTES + 1), 413),
    ],
)
async def test_bodies_that_are_no_signed_order(client: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await client.post("/v1/rollouts/list", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "INVALID_ARGUMENT")


async def test_what_is_nothing_here_is_said_so(client: httpx.AsyncClient) -> None:
    for verb, path, status in (("GET", "/v1/rollouts/list", 405), ("POST", "/v1/rollouts/reign", 404)):
        answer = await client.request(verb, path)
        assert answer.status_code == status
        assert f"{verb} {path} is nothing here" in answer.json()["error"]["message"]
