"""The flags of near real time: where calls wait, how many, and how often they are tried."""

import argparse

from gateway.config import ConfigError
from gateway.later.settings import QueueSettings

_QUEUE = QueueSettings()
QUEUE_FLAGS: list[tuple[str, type, object, str]] = [
    (
        "queue-url",
        str,
        "",
        "a Redis, 6.2 or newer, that evicts nothing, for Submit and Fetch; empty: none, or the embedded one with `up`",
    ),
    ("queue-length", int, _QUEUE.length, "calls that may wait in it, of all gateways together; more are refused"),
    ("queue-in-flight", int, _QUEUE.in_flight, "calls from it that one worker has in hand"),
    ("queue-tries", int, _QUEUE.tries, "times that a call is taken in hand before it goes to the dead letters"),
    ("queue-claim-s", float, _QUEUE.claim_after, "seconds without a word after which another worker takes a call"),
    ("result-ttl-s", float, _QUEUE.result_ttl, "seconds that a result is kept, and that a call may wait at most"),
    ("queue-dead", int, _QUEUE.dead, "dead letters that are kept"),
]


def read_queue(arguments: argparse.Namespace) -> QueueSettings:
    """Return what the flags say. Raises `ConfigError`."""
    try:
        return QueueSettings(
            length=arguments.queue_length,
            in_flight=arguments.queue_in_flight,
            tries=arguments.queue_tries,
            claim_after=arguments.queue_claim_s,
            result_ttl=arguments.result_ttl_s,
            dead=arguments.queue_dead,
        )
    except ValueError as exc:
        raise ConfigError(f"queue: {exc}") from exc
