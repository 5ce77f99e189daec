"""The HTTP front of the control process: the same orders and answers as JSON, its documentation, health, metrics.

Messages are written as protobuf's own JSON is: bytes in base64, 64-bit numbers as strings, names as in the contract.
Streams are JSON lines; one that fails midway ends with a line that holds the error.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from google.protobuf.message import Message
from starlette.exceptions import HTTPException

from gateway.control.exposition import CONTENT_TYPE, expose
from gateway.control.openapi import document
from gateway.control.refusals import CODES, DEFECT, nearest
from gateway.fronts.docs_page import render
from protos.sluice.v1.rollouts_pb2 import SignedOrder
from routing.control.desk import MOST_BYTES, Desk, Method, methods
from routing.control.errors import ControlError
from routing.control.looks import Looks
from routing.control.signed import NoOrder

log = logging.getLogger("sluice.control")

_OF_CODE = {
    "PERMISSION_DENIED": 403,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 400,
    "UNAVAILABLE": 503,
}
STATUS: Mapping[type[ControlError], tuple[int, str]] = {kind: (_OF_CODE[code], code) for kind, code in CODES.items()}
PREFIX = "/v1/rollouts/"
_ABOUT = (
    "Start rollouts, watch them, approve, abort and undo. Every call is an order that a principal has signed; gRPC"
    " clients find the same calls as `sluice.v1.Rollouts`, and `sluice rollout` signs and sends them."
)
_EXAMPLE = """# order.json is what was signed: {"principal": "ada", "order": "<base64>", "signature": "<base64>"}
curl -s localhost:8090/v1/rollouts/list -H 'content-type: application/json' -d @order.json"""


class TooLarge(NoOrder):
    """The body is longer than any order."""


def http_app(desk: Desk, looks: Looks) -> FastAPI:
    """Make the application. Its docs page is ours, because FastAPI's own loads scripts from the internet."""
    app = FastAPI(
        title="Sluice control", version="1", description=_ABOUT, docs_url=None, redoc_url=None, openapi_url=None
    )
    for method in methods():
        _add_method(app, desk, method)
    _add_health(app, looks)
    _add_errors(app)
    _add_documents(app)
    return app


def status_of(error: ControlError) -> tuple[int, str]:
    """Return the status and the code of an error, or of the nearest kind that has one."""
    if isinstance(error, TooLarge):
        return 413, "INVALID_ARGUMENT"
    return nearest(STATUS, error)


def _add_method(app: FastAPI, desk: Desk, method: Method) -> None:
    async def answer(request: Request) -> Response:
        return Response(_json(await desk.answer(method.deed, await _order(request))), media_type="application/json")

    async def stream(request: Request) -> Response:
        pieces = desk.stream(method.deed, await _order(request))
        first = await anext(pieces, None)  # what is refused at once still has a status of its own
        return StreamingResponse(_lines(method.deed, first, pieces), media_type="application/x-ndjson")

    path = PREFIX + method.deed
    app.post(path, operation_id=method.name, tags=["rollouts"])(stream if method.streams else answer)


def _add_health(app: FastAPI, looks: Looks) -> None:
    @app.get("/healthz", summary="The process answers", tags=["health"])
    async def healthz() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    @app.get("/readyz", summary="The control Redis answers (503 while it does not)", tags=["health"])
    async def readyz() -> Response:
        overview = await looks.overview()
        body = json.dumps({"status": "ready", "leader": overview.leader}).encode()
        return Response(body, media_type="application/json")

    @app.get("/metrics", summary="Every rollout, for Prometheus", tags=["health"])
    async def metrics() -> Response:
        return Response(expose(await looks.overview()), media_type=CONTENT_TYPE)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ControlError)
    async def refused(request: Request, error: ControlError) -> Response:
        status, code = status_of(error)
        return Response(_error(code, str(error)), status, media_type="application/json")

    @app.exception_handler(HTTPException)
    async def not_here(request: Request, error: HTTPException) -> Response:
        body = _error("NOT_FOUND", f"{request.method} {request.url.path} is nothing here: /docs says what is")
        return Response(body, error.status_code, media_type="application/json")

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:  # uvicorn logs it
        return Response(_error("INTERNAL", DEFECT), 500, media_type="application/json")


def _add_documents(app: FastAPI) -> None:
    whole = document(app.openapi(), methods(), PREFIX)
    as_json, page = json.dumps(whole).encode(), render(whole, _EXAMPLE)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(as_json, media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page)


async def _order(request: Request) -> SignedOrder:
    """Read the body, no longer than an order can be. Raises `NoOrder`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise TooLarge(f"the body has more than {MOST_BYTES} bytes: no signed order has")
    try:
        return Parse(bytes(body), SignedOrder())
    except (ParseError, UnicodeDecodeError, RecursionError) as exc:
        raise NoOrder(f"the body is no signed order in JSON: {' '.join(str(exc).split())}") from exc


async def _lines(deed: str, first: Message | None, pieces: AsyncIterator[Message]) -> AsyncIterator[bytes]:
    if first is None:
        return
    yield _json(first) + b"\n"
    try:
        async for piece in pieces:
            yield _json(piece) + b"\n"
    except ControlError as error:
        yield _error(status_of(error)[1], str(error)) + b"\n"
    except Exception:  # the front's edge: a defect costs this stream, and is logged
        log.exception("defect in %s", deed)
        yield _error("INTERNAL", DEFECT) + b"\n"


def _json(message: Message) -> bytes:
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return json.dumps(found, separators=(",", ":")).encode()


def _error(code: str, message: str) -> bytes:
    whole: dict[str, Any] = {"error": {"code": code, "message": message}}
    return json.dumps(whole).encode()
