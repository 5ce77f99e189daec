"""What is not hot, as FastAPI routes: descriptions, liveness, readiness, the OpenAPI document and its page."""

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from gateway.description import Description
from gateway.errors import GatewayError
from gateway.fronts.caller import Caller, RequestIds
from gateway.fronts.desk import Desk
from gateway.fronts.docs_page import render
from gateway.fronts.door import Door
from gateway.fronts.exchange import Exchange
from gateway.fronts.json_refusal import HttpRefusal, error_body, http_status, method_not_allowed, not_found
from gateway.fronts.json_results import fetch_answer, read_wait
from gateway.fronts.json_wire import encode
from gateway.fronts.later import Later
from gateway.fronts.openapi import document

_ABOUT = "Real-time predictions with online features. gRPC clients find the same calls as `sluice.v1.Predictions`."


class DeploymentNames(msgspec.Struct):
    """The deployments served here."""

    deployments: tuple[str, ...]


def pages(door: Door, desk: Desk, exchange: Exchange) -> FastAPI:
    """Make the FastAPI application; its docs page is ours, because FastAPI's own loads scripts from the internet."""
    app = FastAPI(title="Sluice", version="1", description=_ABOUT, docs_url=None, redoc_url=None, openapi_url=None)
    _add_routes(app, door)
    _add_results(app, Later(desk, exchange), exchange)
    _add_errors(app)
    _add_documents(app)
    return app


def _add_routes(app: FastAPI, door: Door) -> None:
    @app.get("/v1/deployments", summary="List the deployments served here", tags=["deployments"])
    async def list_deployments() -> Response:
        return _json(DeploymentNames(door.names()))

    @app.get("/v1/deployments/{deployment}", summary="What a deployment wants and who answers", tags=["deployments"])
    async def describe_deployment(deployment: str) -> Response:
        return _json(door.describe(deployment))

    @app.get("/healthz", summary="The process answers", tags=["health"])
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @app.get("/readyz", summary="New calls are welcome (503 while draining)", tags=["health"])
    async def readyz() -> Response:
        ready = door.ready()
        return _json({"status": "ready" if ready else "draining"}, 200 if ready else 503)


def _add_results(app: FastAPI, later: Later, exchange: Exchange) -> None:
    @app.get("/v1/results/{result_id}", summary="What became of a submitted row", tags=["predictions"])
    async def fetch_result(request: Request, result_id: str) -> Response:
        wait = read_wait(request.query_params.get("wait_ms", "0"))
        found = await later.fetch(Caller(exchange.clock()), result_id, wait)
        return _json(fetch_answer(found))


def _add_errors(app: FastAPI) -> None:
    new_id = RequestIds()

    def refuse(request: Request, error: GatewayError | HttpRefusal) -> Response:
        request_id = new_id()
        response = Response(error_body(error, request_id), http_status(error), media_type="application/json")
        response.headers["x-request-id"] = request_id
        return response

    @app.exception_handler(GatewayError)
    async def gateway_error(request: Request, error: GatewayError) -> Response:
        return refuse(request, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allow = (error.headers or {}).get("Allow", "GET")
            response = refuse(request, method_not_allowed(allow))
            response.headers["allow"] = allow
            return response
        return refuse(request, not_found(request.url.path))


def _add_documents(app: FastAPI) -> None:
    whole = document(app.openapi(), {"Description": Description, "DeploymentNames": DeploymentNames})
    as_json, page = encode(whole), render(whole)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(as_json, media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page)


def _json(body: Any, status: int = 200) -> Response:
    return Response(encode(body), status, media_type="application/json")
