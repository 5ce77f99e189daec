"""What every room of tests shares: kinds by directory, their order, a real Redis and a real Triton."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from gateway.testing.redis_server import RedisServer
from tests.real_triton import RealTriton, triton_on

HERE = Path(__file__).parent
ALONE = "live/alone"
ORDER = (ALONE, "unit", "live", "sim", "conformance", "wire", "stress")
"""First what measures time, beside what needs one processor only; then long files, and short ones to end together."""

# The same examples every time, and few; `--hypothesis-profile long` draws many, and others every time.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("long", deadline=None, max_examples=4_000)
settings.load_profile("quick")


# Whoever is started in the background of a shell ignores Ctrl-C, and so does all that he starts: the gateways of tests,
# which are sent it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class FileScheduling(LoadFileScheduling):
    """Several processes share out files of tests; all that measures time is one file to them."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return ALONE if f"/{ALONE}/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Share tests out by files: what a module has started serves all its tests."""
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The directory is the kind: nobody has to remember a marker."""
    for item in items:
        item.add_marker(item.path.relative_to(HERE).parts[0])
    items.sort(key=_place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what passed by kind, so that a kind that vanished is seen."""
    passed = terminalreporter.getreports("passed")
    kinds = Counter(report.nodeid.split("/")[1] for report in passed if "/" in report.nodeid)
    terminalreporter.write_line("passed by kind: " + ", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds)))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Yield a real redis-server for the whole run: `url`, `port`, `pause()`, `resume()`. Keep to keys of your own."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def real_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTriton]:
    """Yield a real Triton for the whole run, in its own process; load models of your own, and do not hurt it."""
    folder = tmp_path_factory.mktemp("triton")
    with triton_on(folder / "repository", folder / "log") as triton:
        yield triton


def _place(item: pytest.Item) -> int:
    folder = item.path.parent.relative_to(HERE)
    return ORDER.index(ALONE if folder.is_relative_to(ALONE) else folder.parts[0])
