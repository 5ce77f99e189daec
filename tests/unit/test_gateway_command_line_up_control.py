"""The people of `sluice up`: two keys, made once, and a file that knows what each may ask for."""

import stat
from pathlib import Path

from gateway.command_line.up_control import APPROVER, ASKER, make_people
from routing.control.keys import read_key
from routing.control.principals import Role, read_principals


def test_two_people_can_try_a_rollout_and_neither_can_do_it_alone(tmp_path: Path) -> None:
    people = read_principals(make_people(tmp_path / "people"))
    assert {name: set(one.roles) for name, one in people.items()} == {
        ASKER: {Role.REQUEST, Role.APPROVE, Role.OPERATE},
        APPROVER: {Role.APPROVE, Role.OPERATE},
    }
    for name, one in people.items():
        path = tmp_path / "people" / f"{name}.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_key(path).public_key().public_bytes_raw() == one.key.public_bytes_raw()


def test_what_was_made_stays(tmp_path: Path) -> None:
    known = make_people(tmp_path)
    before = known.read_text()
    assert make_people(tmp_path).read_text() == before
    known.unlink()
    assert make_people(tmp_path).read_text() == before, "the keys are still there"
