"""One HTTP/1.1 keep-alive connection as a client sees it, without its socket: one call at a time, never pipelined."""

from httptools import HttpParserError, HttpResponseParser

from loadtests.exchange import Exchange, WireError


class Http1Wire:
    """Starts a call as one POST; httptools finds the end of its answer."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._parser = HttpResponseParser(self)
        self._call: Exchange | None = None
        self._body = b""
        self._done: list[Exchange] = []
        self.leaving = False

    def start(self, exchange: Exchange) -> bytes:
        """Write the call's POST, if the connection is free."""
        if self._call is not None or self.leaving:
            return b""
        self._call = exchange
        body = exchange.request.body
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    def receive(self, data: bytes) -> tuple[list[Exchange], bytes]:
        """Take in the server's bytes: the call that ended with them, if one did."""
        try:
            self._parser.feed_data(data)
        except HttpParserError as exc:
            raise WireError(f"not HTTP/1.1: {exc}") from exc
        done, self._done = self._done, []
        return done, b""

    def abandon(self) -> list[Exchange]:
        """Forget the call in flight and return it."""
        call, self._call = self._call, None
        return [] if call is None else [call]

    def on_body(self, body: bytes) -> None:
        """Gather the body (called by httptools)."""
        self._body += body

    def on_message_complete(self) -> None:
        """Hand the answer over (called by httptools)."""
        if not self._parser.should_keep_alive():
            self.leaving = True
        exchange, body = self._call, self._body
        self._call, self._body = None, b""
        if exchange is None:
            raise WireError("an answer nobody asked for")
        exchange.head = {":status": str(self._parser.get_status_code())}
        exchange.body = body
        self._done.append(exchange)


def post_head(path: str, fields: dict[str, str]) -> bytes:
    """Write the head of a POST up to the value of content-length, which differs by call."""
    lines = (f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "content-length: ")
    return "\r\n".join(lines).encode("ascii")
