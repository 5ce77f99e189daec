"""The supervisor's ear: for its owner alone, one bounded command a connection, and nonsense costs only itself."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.command_line.commands import NobodyThere, ask, run_status
from gateway.supervisor.command_messages import LONGEST_REQUEST, Ended, Reload, Request, Status
from gateway.supervisor.command_socket import FILE, listen, short_path
from gateway.supervisor.turning import Say


class House:
    """Carries nothing out, and remembers."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def carry(self, request: Request, say: Say) -> Ended:
        self.requests.append(request)
        say("one moment")
        await self.go_on.wait()
        if isinstance(request, Reload) and "boom" in request.forget:
            raise RuntimeError("boom")
        return Ended(True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House()
    async with listen(tmp_path, house.carry):
        yield house


async def said(state: Path, raw: bytes) -> list[dict[str, Any]]:
    with short_path(state) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(raw)
    async with asyncio.timeout(20):
        lines = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(line) for line in lines]


async def test_a_command_is_carried_out_and_told(house: House, tmp_path: Path) -> None:
    answers = await asyncio.to_thread(lambda: list(ask(tmp_path, Reload(["credit"], 3.0), 20.0)))
    assert house.requests == [Reload(["credit"], 3.0)]
    assert [type(answer).__name__ for answer in answers] == ["Said", "Ended"]


async def test_only_the_owner_may(house: House, tmp_path: Path) -> None:
    mode = (tmp_path / FILE).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\n",
        b'{"type":"Fly"}\n',
        b'{"type":"Status","more":1}\n',
        b'{"type":"Reload","patience":"long"}\n',
        b"x" * (LONGEST_REQUEST + 10) + b"\n",
    ],
)
async def test_nonsense_is_refused(house: House, tmp_path: Path, raw: bytes) -> None:
    answers = await said(tmp_path, raw)
    assert "no command" in answers[0]["text"]
    assert answers[-1] == {"type": "Ended", "good": False, "state": None}
    assert house.requests == []


async def test_whoever_says_nothing_is_not_waited_for_long(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.supervisor.command_socket.PATIENCE", 0.05)
    answers = await said(tmp_path, b"")
    assert answers[-1]["good"] is False


async def test_a_defect_costs_its_command_alone(house: House, tmp_path: Path) -> None:
    answers = await said(tmp_path, b'{"type":"Reload","forget":["boom"]}\n')
    assert answers == [{"type": "Said", "text": "one moment"}]
    assert (await said(tmp_path, b'{"type":"Status"}\n'))[-1]["good"] is True


async def test_a_command_goes_on_when_its_caller_has_left(house: House, tmp_path: Path) -> None:
    house.go_on.clear()
    with short_path(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"type":"Reload"}\n')
    await reader.readline()
    writer.close()
    await writer.wait_closed()
    house.go_on.set()
    assert (await said(tmp_path, b'{"type":"Status"}\n'))[-1]["good"] is True
    assert house.requests == [Reload(), Status()]


async def test_a_deep_state_directory_has_a_socket_too(tmp_path: Path) -> None:
    state = tmp_path / ("deep" * 20) / ("deeper" * 20)
    state.mkdir(parents=True)
    assert len(os.fsencode(state)) > 120
    house = House()
    async with listen(state, house.carry):
        assert (await said(state, b'{"type":"Status"}\n'))[-1]["good"] is True


async def test_a_socket_that_was_left_over_is_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("")
    async with listen(tmp_path, House().carry):
        assert (await said(tmp_path, b'{"type":"Status"}\n'))[-1]["good"] is True
    assert not (tmp_path / FILE).exists()


def test_where_nobody_listens_it_is_said_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NobodyThere, match="--state"):
        list(ask(tmp_path, Status(), 1.0))
    assert run_status(tmp_path, as_json=False) == 1
    assert capsys.readouterr().err.count("\n") == 1
