"""`sluice rollout watch`: hears the control plane until the rollout is over, and goes on hearing when it comes back."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from rich.console import Group
from rich.live import Live

from gateway.client.rollouts import RolloutsClient
from gateway.client.rollouts_errors import Away, RolloutsError
from gateway.command_line.rollout.flags import read_control
from gateway.command_line.rollout.news import News
from gateway.command_line.rollout.output import console, show, show_json
from gateway.command_line.rollout.watched import Watched, changed, screen
from protos.sluice.v1 import rollouts_pb2 as pb

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_EVENTS = 8
_DRAWN_A_SECOND = 2

Listen = Callable[[], Iterator[pb.Overview]]


class Silence(NamedTuple):
    """The control plane is not heard any more."""

    reason: str


class Display(Protocol):
    """Where what is watched is shown; entered before the first thing is."""

    def show(self, now: Watched) -> None:
        """Show what is known now, or what is new in it."""


def watch(arguments: argparse.Namespace) -> int:
    """Show how rollouts go on, until they are over: 0 when all are done, 1 when one was taken back.

    A deployment that has had none is waited for until one begins.
    """
    with read_control(arguments).client() as client, _display(arguments) as display:
        overviews = steadily(lambda: client.watch(arguments.deployment, arguments.entities), time.sleep)
        known = follow(overviews, client, Watched(arguments.deployment), display, arguments.forever)
    if not (known.ran or arguments.json):
        print(f"sluice: {_nothing_ran(known)}", file=sys.stderr)
    return known.result or 0


def _nothing_ran(known: Watched) -> str:
    what = f"no rollout{f' of {known.deployment}' * bool(known.deployment)} is running"
    last = "; this is the last one" if known.states else ""
    return f"{what}{last}: sluice rollout start begins one, and watch --forever waits for it"


def follow(
    overviews: Iterator[pb.Overview | Silence], client: RolloutsClient, known: Watched, display: Display, forever: bool
) -> Watched:
    """Show everything that is heard until nothing that is watched runs any more; return what is known then."""
    for heard in overviews:
        before = known
        if isinstance(heard, Silence):
            known = known.silent(heard.reason, time.time())
        else:
            known = known.heard(heard)
            for deployment in changed(before, known):
                known = _told(client, known, deployment)
        display.show(known)
        if not (forever or known.silence or known.awaited or known.result is None):
            break
    return known


def steadily(listen: Listen, wait: Callable[[float], None]) -> Iterator[pb.Overview | Silence]:
    """Yield what is heard, and a silence whenever the control plane is away; then listen again, less and less often.

    Raises `RolloutsError`: whatever else goes wrong, and when nothing was heard at all.
    """
    pause, ever = _FIRST_PAUSE, False
    while True:
        reason = "the control plane has ended the watch"
        try:
            for found in listen():
                pause, ever = _FIRST_PAUSE, True
                yield found
        except Away as exc:
            if not ever:
                raise
            reason = str(exc)
        yield Silence(reason)
        wait(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _told(client: RolloutsClient, known: Watched, deployment: str) -> Watched:
    try:
        return known.told(deployment, client.history(deployment, _EVENTS))
    except RolloutsError:  # the page goes on without; what ended the stream too is told by it
        return known


def _display(arguments: argparse.Namespace) -> "AbstractContextManager[Display]":
    if arguments.json:
        return JsonLines()
    drawable = sys.stdout.isatty() and not console().is_dumb_terminal
    return LivePage() if drawable else NewsLines()


class _Plain:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class NewsLines(_Plain):
    """A line for each change, and now and then one without: for logs, and for scripts that wait."""

    def __init__(self) -> None:
        self._news = News()

    def show(self, now: Watched) -> None:
        for line in self._news.lines(now):
            print(line, flush=True)


class JsonLines(_Plain):
    """Every overview as a line of JSON; silence is told on standard error."""

    def __init__(self) -> None:
        self._news = News()

    def show(self, now: Watched) -> None:
        lines = self._news.lines(now)
        if now.silence:
            for line in lines:
                print(f"sluice: {line}", file=sys.stderr, flush=True)
        elif now.found is not None:
            show_json(now.found, indent=None)


class LivePage:
    """The terminal's whole screen, drawn anew by a thread of rich's; the last page stays behind when it is left."""

    def __init__(self) -> None:
        self._known: Watched | None = None
        self._live = Live(console=console(), screen=True, get_renderable=self._page, refresh_per_second=_DRAWN_A_SECOND)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._known is not None:
            show(screen(self._known, time.time()))

    def show(self, now: Watched) -> None:
        self._known = now
        self._live.refresh()

    def _page(self) -> Group:
        lines = screen(self._known, time.time()) if self._known is not None else []
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)
