"""Our own /openapi.json against our own servers: schemathesis asks what the document allows and what it forbids."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from gateway.later.desk import QueueDesk
from gateway.later.settings import QueueSettings
from gateway.testing.memory_queue import MemoryQueue
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import served_front

pytestmark = pytest.mark.fuzz

OPERATIONS = [
    "GET /healthz",
    "GET /readyz",
    "GET /v1/deployments",
    "GET /v1/deployments/{deployment}",
    "POST /v1/deployments/{deployment}:predict",
    "POST /v1/deployments/{deployment}:predictMany",
    "POST /v1/deployments/{deployment}:submit",
    "GET /v1/results/{result_id}",
    "GET /v2",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/models",
    "GET /v2/models/stats",
    "POST /v2/repository/index",
    "GET /v2/models/{model}",
    "GET /v2/models/{model}/ready",
    "GET /v2/models/{model}/config",
    "GET /v2/models/{model}/stats",
    "POST /v2/models/{model}/infer",
    "GET /v2/models/{model}/versions/{version}",
    "GET /v2/models/{model}/versions/{version}/ready",
    "GET /v2/models/{model}/versions/{version}/config",
    "GET /v2/models/{model}/versions/{version}/stats",
    "POST /v2/models/{model}/versions/{version}/infer",
]

A_WEEK = 7 * 86_400.0
# A bad row of many fails alone, inside an answer of 200.
ROW_BY_ROW = [negative_data_rejection]
# Which tensors a model takes its metadata say, not the document; and one that is not there is 400, not ready.
BY_MODEL = [positive_data_acceptance]
EXCLUDED = {"Many": ROW_BY_ROW, "/infer": BY_MODEL, "/ready": BY_MODEL}


@pytest.fixture(scope="module", params=["h2corn", "conservative"])
def document(request: pytest.FixtureRequest) -> Iterator[schemathesis.BaseSchema]:
    """The document of a front that is served in a thread of its own, because schemathesis waits for its answers."""
    addresses: list[str] = []
    up, over = threading.Event(), threading.Event()

    async def serve() -> None:
        settings = QueueSettings(result_ttl=A_WEEK)
        desk = QueueDesk(MemoryQueue(settings, time.monotonic), settings, lambda outcome: None)
        async with served_front(request.param, ScriptedDoor(), desk=desk) as front:
            addresses.append(front.http)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert up.wait(30)
    yield schemathesis.openapi.from_url(f"{addresses[0]}/openapi.json")
    over.set()
    thread.join()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_document_says_what_happens(document: schemathesis.BaseSchema, operation: str) -> None:
    found = {each.ok().label: each.ok() for each in document.get_all_operations()}

    @settings(max_examples=settings().max_examples // 4, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(*(found[operation].as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def ask(case: schemathesis.Case) -> None:
        _agree_with_itself(case)
        excluded = [check for end, checks in EXCLUDED.items() if operation.endswith(end) for check in checks]
        case.call_and_validate(excluded_checks=excluded)

    assert found.keys() == set(OPERATIONS)
    ask()


def _agree_with_itself(case: schemathesis.Case) -> None:
    """A header may say what the body says, but no document can say that both must say the same."""
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
        for header, field in (("sluice-unit", "unit"), ("x-request-id", "request_id")):
            if case.body.get(field):
                case.headers.pop(header, None)
