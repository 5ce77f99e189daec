"""Tables on disk: whole or not there, and what cannot be read is left out, not fatal."""

from pathlib import Path

import pytest

from gateway.served import Served
from gateway.supervisor.table_files import TableFiles
from routing.table import Canary, Shadow, Table


def served(name: str = "fraud", number: int = 1) -> Served:
    table = Table(name, number, "1", b"\x00salt", Canary("2", 500), (Shadow("3", 0.1),))
    return Served("the text", table, {"1": "a", "2": "b", "3": "c"}, 1.25)


def test_what_was_kept_is_read(tmp_path: Path) -> None:
    files = TableFiles(tmp_path / "tables")
    assert files.read() == {}
    files.write(served())
    files.write(served("quotes", 4))
    files.write(served(number=2))
    assert files.read() == {"fraud": served(number=2), "quotes": served("quotes", 4)}
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["fraud.json", "quotes.json"]


def test_what_was_forgotten_is_gone(tmp_path: Path) -> None:
    files = TableFiles(tmp_path)
    files.write(served())
    files.forget("fraud")
    files.forget("never")
    assert files.read() == {}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"declaration":1}'])
def test_a_damaged_file_is_left_out(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    files = TableFiles(tmp_path)
    files.write(served("quotes"))
    (tmp_path / "fraud.json").write_bytes(damage)
    assert files.read() == {"quotes": served("quotes")}
    assert "cannot be read" in caplog.text


def test_a_file_under_another_name_is_left_out(tmp_path: Path) -> None:
    files = TableFiles(tmp_path)
    files.write(served())
    (tmp_path / "fraud.json").rename(tmp_path / "credit.json")
    assert files.read() == {}


def test_half_a_file_never_takes_the_place_of_a_whole_one(tmp_path: Path) -> None:
    files = TableFiles(tmp_path)
    files.write(served())
    (tmp_path / "fraud.new").write_bytes(b'{"decl')  # a supervisor that was killed while it wrote
    assert files.read() == {"fraud": served()}
    files.write(served(number=2))
    assert files.read() == {"fraud": served(number=2)}
