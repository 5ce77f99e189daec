"""Questions over HTTP that cannot hurt whoever asks: short, small, never redirected, and by no proxy.

httpx, because it was locked already (tests use it), closes what is cancelled, and hands bodies over piece by piece;
urllib would keep a thread for every address that hangs.
"""

import ssl
from typing import NamedTuple, Protocol

import httpx

LARGEST = 65_536
"""Bytes of an answer; a larger one is none."""
LONGEST = 5.0
"""Seconds from the question to the whole answer."""


class WebError(RuntimeError):
    """Nothing usable came; the message says what did, without the address, which may hold a password."""


class Answer(NamedTuple):
    """What came, whatever its status."""

    status: int
    body: bytes


class Web(Protocol):
    """Whoever can ask."""

    async def post(self, url: str, body: bytes, kind: str) -> Answer:
        """Send a body of that content type; return the answer. Raises `WebError`."""


class HttpWeb:
    """Asks over the network. `close` it when nobody asks any more."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=LONGEST,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
            headers={"accept-encoding": "identity", "user-agent": "sluice"},
        )

    async def post(self, url: str, body: bytes, kind: str) -> Answer:
        """As `Web.post`."""
        try:
            async with self._client.stream("POST", url, content=body, headers={"content-type": kind}) as response:
                return Answer(response.status_code, await _read(response))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as exc:
            raise WebError(f"it cannot be reached: {exc or type(exc).__name__}") from exc

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > LARGEST:
            raise WebError(f"its answer is larger than {LARGEST} bytes")
    return bytes(body)
