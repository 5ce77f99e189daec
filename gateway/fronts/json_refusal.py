"""Refusals in HTTP's own terms, and the one shape of every JSON error body."""

from gateway.errors import GatewayError
from gateway.fronts.asgi import HeaderList
from gateway.fronts.json_wire import ErrorAnswer, ErrorBody, encode
from gateway.fronts.status import HTTP_STATUS


class HttpRefusal(Exception):
    """A request that reached no deployment: wrong path, method or content type."""

    def __init__(self, status: int, code: str, message: str, headers: HeaderList | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or []


def not_found(path: str) -> HttpRefusal:
    return HttpRefusal(404, "NOT_FOUND", f"nothing at {path}; the routes are listed at /docs")


def method_not_allowed(allow: str) -> HttpRefusal:
    return HttpRefusal(405, "METHOD_NOT_ALLOWED", f"use {allow}", [(b"allow", allow.encode())])


def unsupported_media_type(message: str) -> HttpRefusal:
    return HttpRefusal(415, "UNSUPPORTED_MEDIA_TYPE", message)


def http_status(error: GatewayError | HttpRefusal) -> int:
    return error.status if isinstance(error, HttpRefusal) else HTTP_STATUS.get(type(error), 500)


def error_body(error: GatewayError | HttpRefusal, request_id: str) -> bytes:
    return encode(ErrorAnswer(ErrorBody(error.code, str(error)), request_id))
