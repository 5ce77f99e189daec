"""The command `sluice dead-letters`: shows the queued calls that were given up, queues them again, or drops them."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from gateway.command_line.environment import env, redis_url
from gateway.config import ConfigError, without_password
from gateway.later.settings import QueueSettings

if TYPE_CHECKING:
    from gateway.later.dead_letters import DeadLetter, DeadLetters
    from protos.sluice.v1 import prediction_pb2 as pb

    Deed = Callable[[DeadLetters, argparse.Namespace], Awaitable[int]]

_QUEUE = QueueSettings()
_REASON = 100
"""Characters of a reason that a line has room for."""
_REQUEST = 16_384
"""Characters of a request that are shown."""
EPILOG = """\
examples:
  sluice dead-letters list                    the newest 20: when, result id, deployment, why
  sluice dead-letters show RESULT_ID          one, with its request: entity ids and features, so personal data
  sluice dead-letters requeue RESULT_ID ...   once whatever was in the way is gone; --all: every one
  sluice dead-letters drop RESULT_ID ...      their results go on saying why they were given up

A call that is queued again keeps its result id and its request id; Fetch says pending until it is answered.
"""


def add_dead_letters(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "dead-letters",
        help="queued calls that were given up: list, show, requeue, drop",
        description="What near real time has given up: calls that were tried as often as they may be, and failed for a "
        "reason that could have passed. They lie in the queue's Redis, the newest 10,000 of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    url = env("queue_url", "") or redis_url()
    parser.add_argument(
        "--queue-url", default=url, help=f"the gateway's [{without_password(str(url))}]".replace("%", "%%")
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|requeue|drop")
    listing = actions.add_parser("list", help="the newest, one a line, without what was asked")
    listing.add_argument("--limit", type=int, default=20, help="at most so many [%(default)s]")
    listing.set_defaults(deed=_list)
    show = actions.add_parser("show", help="one with its request, as JSON")
    show.add_argument("result_id")
    show.set_defaults(deed=_show)
    requeue = _add_changing(actions, "requeue", "let calls wait again", _requeue)
    requeue.add_argument(
        "--queue-length", type=int, default=env("queue_length", _QUEUE.length), help="as the gateway's [%(default)s]"
    )
    requeue.add_argument(
        "--result-ttl-s",
        type=float,
        default=env("result_ttl_s", _QUEUE.result_ttl),
        help="as the gateway's: for so long they may wait [%(default)s]",
    )
    _add_changing(actions, "drop", "throw letters away", _drop)
    parser.set_defaults(run=_run)


def _add_changing(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, deed: "Deed"
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("result_ids", nargs="*", default=[], metavar="RESULT_ID")
    which.add_argument("--all", action="store_true", help="every one that is there now")
    parser.set_defaults(deed=deed)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from gateway.later.dead_letters import QueueFull
    from gateway.later.store import QueueAway

    try:
        return asyncio.run(_opened(arguments))
    except (ConfigError, QueueAway, QueueFull, ValueError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 2 if isinstance(exc, ValueError) else 1


async def _opened(arguments: argparse.Namespace) -> int:
    from gateway.later.dead_letters import DeadLetters
    from routing.control.client import open_control
    from routing.control.errors import ControlError

    length = getattr(arguments, "queue_length", _QUEUE.length)
    settings = QueueSettings(length=length, result_ttl=getattr(arguments, "result_ttl_s", _QUEUE.result_ttl))
    try:
        client = open_control(arguments.queue_url)
    except ControlError as exc:
        raise ConfigError("--queue-url cannot be read: redis://HOST:PORT/DB is one") from exc
    try:
        deed: Deed = arguments.deed
        return await deed(DeadLetters(client, settings), arguments)
    finally:
        await client.aclose()


async def _list(letters: "DeadLetters", arguments: argparse.Namespace) -> int:
    count, shown = await letters.count(), 0
    async for letter in letters.newest_first():
        if shown >= arguments.limit:
            break
        print(_line(letter))
        shown += 1
    print(f"{shown} of {count} dead letters" if count else "no dead letters")
    return 0


async def _show(letters: "DeadLetters", arguments: argparse.Namespace) -> int:
    from google.protobuf.json_format import MessageToJson

    letter = await letters.find(arguments.result_id)
    if letter is None:
        return _unknown(arguments.result_id)
    print(_line(letter))
    print(letter.reason)
    request = _request_of(letter)
    said = "the request cannot be read" if request is None else MessageToJson(request, preserving_proto_field_name=True)
    print(said if len(said) <= _REQUEST else f"{said[:_REQUEST]}\n... {len(said) - _REQUEST} more characters")
    return 0


async def _requeue(letters: "DeadLetters", arguments: argparse.Namespace) -> int:
    return await _change(letters, arguments, lambda letter: letters.requeue(letter, time.time()), "queued again")


async def _drop(letters: "DeadLetters", arguments: argparse.Namespace) -> int:
    return await _change(letters, arguments, letters.drop, "dropped")


async def _change(
    letters: "DeadLetters",
    arguments: argparse.Namespace,
    change: "Callable[[DeadLetter], Awaitable[bool]]",
    done: str,
) -> int:
    """Do it to each, oldest first; the exit status is 1 where one is not there."""
    wanted: Sequence[str] = arguments.result_ids
    found = [one async for one in letters.newest_first() if arguments.all or one.result_id in wanted]
    changed = [letter.result_id for letter in reversed(found) if await change(letter)]
    print(f"{len(changed)} {done}")
    missing = [one for one in wanted if one not in changed]
    return max([0, *map(_unknown, missing)])


def _unknown(result_id: str) -> int:
    print(f"sluice: no dead letter of result {result_id}: sluice dead-letters list names them", file=sys.stderr)
    return 1


def _line(letter: "DeadLetter") -> str:
    """Say which it is and why; whose it is stands in the request."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(letter.at))
    request = _request_of(letter)
    deployment = "?" if request is None else request.deployment
    reason = " ".join(letter.reason.split())
    cut = reason if len(reason) <= _REASON else f"{reason[:_REASON]}..."
    return f"{when}  {letter.result_id}  {deployment:<12} {cut}"


def _request_of(letter: "DeadLetter") -> "pb.PredictRequest | None":
    from google.protobuf.message import DecodeError

    from protos.sluice.v1 import prediction_pb2 as pb

    try:
        return pb.PredictRequest.FromString(letter.request)
    except DecodeError:
        return None
