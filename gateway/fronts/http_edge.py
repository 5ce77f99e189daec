"""The edge of a front over HTTP: one request in, and an answer or a refusal out, whatever goes wrong in between."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Generic, TypeVar

from gateway.errors import GatewayError, InternalError
from gateway.fronts.asgi import CallerLeft, HeaderList, Receive, Scope, Send
from gateway.fronts.caller import Caller, Headers
from gateway.fronts.exchange import Exchange
from gateway.fronts.json_refusal import HttpRefusal
from gateway.fronts.retry_hint import retry_after

logger = logging.getLogger(__name__)

Reply = TypeVar("Reply")
_NO_HEADERS: HeaderList = []


class HttpEdge(ABC, Generic[Reply]):
    """A front says how it answers, how it sends that, and how it refuses.

    A base class, because a function that is handed all three would cost each call a coroutine more.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request; nothing passes here but the caller's own leaving."""
        caller = Caller(self._exchange.clock())
        try:
            reply = await self._answer(scope, caller, headers, receive)
        except (CallerLeft, OSError):  # ASGI servers raise OSError when they send to a caller who left
            return
        except (GatewayError, HttpRefusal) as error:
            await self._refuse(send, caller, error)
        except Exception:
            logger.exception("defect in %s", scope["path"])
            await self._refuse(send, caller, InternalError())
        else:
            await self._send(send, caller, reply)

    @abstractmethod
    async def _answer(self, scope: Scope, caller: Caller, headers: Headers, receive: Receive) -> Reply:
        """Return the answer. Raises `GatewayError`, `HttpRefusal` or `CallerLeft`."""

    @abstractmethod
    def _send(self, send: Send, caller: Caller, reply: Reply) -> Awaitable[None]:
        """Send it."""

    @abstractmethod
    def _refuse(self, send: Send, caller: Caller, error: GatewayError | HttpRefusal) -> Awaitable[None]:
        """Send a refusal, with a request id in any case."""


def headers_of(error: GatewayError | HttpRefusal) -> HeaderList:
    """Return what a refusal has in its head: its own headers, or when to try again."""
    if isinstance(error, HttpRefusal):
        return error.headers
    seconds = retry_after(error)
    return _NO_HEADERS if seconds is None else [(b"retry-after", b"%d" % seconds)]
