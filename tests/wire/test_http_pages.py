"""Everything over HTTP that is not hot, as httpx sees it, on both HTTP fronts."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from gateway.fronts.open_inference.paths import OF_A_MODEL, OF_THE_SERVER, is_ours, route
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import served_front


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest_asyncio.fixture(params=["h2corn", "conservative"])
async def client(request: pytest.FixtureRequest, door: ScriptedDoor) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served_front(request.param, door) as served,
        httpx.AsyncClient(base_url=served.http) as opened,
    ):
        yield opened


async def test_liveness_does_not_follow_readiness(client: httpx.AsyncClient, door: ScriptedDoor) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    door.is_ready = False
    assert (await client.get("/healthz")).status_code == 200
    drained = await client.get("/readyz")
    assert (drained.status_code, drained.json()) == (503, {"status": "draining"})


async def test_deployments_are_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/deployments")).json() == {"deployments": ["fraud"]}


async def test_the_openapi_document_holds_the_hot_routes_and_every_schema(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    hot = document["paths"]["/v1/deployments/{deployment}:predict"]["post"]
    assert hot["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/PredictBody"}
    assert {"200", "400", "404", "413", "429", "503", "504"} <= hot["responses"].keys()
    assert {path for path in document["paths"] if not is_ours(path)} == {
        "/healthz",
        "/readyz",
        "/v1/deployments",
        "/v1/deployments/{deployment}",
        "/v1/deployments/{deployment}:predict",
        "/v1/deployments/{deployment}:predictMany",
        "/v1/deployments/{deployment}:submit",
        "/v1/results/{result_id}",
    }
    text = str(document)
    schemas = document["components"]["schemas"]
    referred = {piece.split("'")[0] for piece in text.split("#/components/schemas/")[1:]}
    assert referred <= schemas.keys()


async def test_the_document_names_every_path_of_the_open_inference_protocol(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    found = {path: operations for path, operations in document["paths"].items() if is_ours(path)}
    assert {"/v2", "/v2/health/ready", "/v2/models/{model}/infer"} <= found.keys()
    assert "/v2/models/{model}/versions/{version}/infer" in found
    for path, operations in found.items():
        asked = route(path.replace("{model}", "fraud").replace("{version}", "1"))
        assert list(operations) == [asked.method.lower()]
    assert len(found) == len(OF_THE_SERVER) + 2 * len(OF_A_MODEL)


async def test_the_docs_page_shows_all_of_it_and_loads_nothing(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    document = (await client.get("/openapi.json")).json()
    for name in (*document["paths"], *document["components"]["schemas"]):
        assert name in page
    for loading in ("<script", "<link", "<img", "src=", "http:", "https:"):
        assert loading not in page


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/deployments/nobody", 404, "DEPLOYMENT_NOT_FOUND"),
        ("POST", "/v1/deployments", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/deployments/fraud:predict", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/deployments/fraud:predict", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_refusals_have_one_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert ("allow" in response.headers) == (status == 405)
