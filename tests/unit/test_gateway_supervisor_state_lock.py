"""One gateway per state directory."""

from pathlib import Path

import pytest

from gateway.supervisor.state_lock import StateTaken, hold_state


def test_a_second_gateway_is_told_to_take_another_directory(tmp_path: Path) -> None:
    with hold_state(tmp_path / "state"), pytest.raises(StateTaken, match="--state"), hold_state(tmp_path / "state"):
        pass
    with hold_state(tmp_path / "state"):
        assert (tmp_path / "state" / "lock").exists()
