"""No password in what a bench writes."""

import datetime
from pathlib import Path

import pytest

from loadtests.bench.finding import Finding
from loadtests.bench.plan import Plan
from loadtests.bench.result import Result
from loadtests.bench.secret import without_passwords, without_places
from loadtests.seats import Seats


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hush@host:1/0", "redis://:***@host:1/0"),
        ("--redis=rediss://user:hu@sh@host", "--redis=rediss://user:***@host"),
        (
            "no Redis at redis://u:hush@h, redis://h/1?password=hush&x=1",
            "no Redis at redis://u:***@h, redis://h/1?password=***&x=1",
        ),
        ("redis://host:6399/0", "redis://host:6399/0"),
        ("python -m x --to a@b:1", "python -m x --to a@b:1"),
    ],
)
def test_passwords_of_addresses_are_starred_out(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_neither_json_nor_page_holds_the_redis_password(tmp_path: Path) -> None:
    address = "redis://:hush@host:1"
    plan = Plan(tmp_path, Seats(), ["serve", "--redis", address], ["up"], Path("models"), redis=address)
    broken = Finding("tls", "TLS", "×", trouble=f"no Redis at {address}", details={"log": [address]})
    command = ["bench", "--redis", address, f"--redis={address}"]
    result = Result(datetime.datetime.now(datetime.UTC), plan, command, {"h2corn": ["serve", address]}, [broken])
    page = result.write(tmp_path)
    written = (tmp_path / "bench.json").read_text()
    assert "hush" not in written + page.read_text()
    assert written.count("redis://:***@host:1") == 7


def test_paths_are_told_from_here() -> None:
    assert without_places(f"{Path.cwd()}/.venv/bin/sluice serve") == ".venv/bin/sluice serve"
