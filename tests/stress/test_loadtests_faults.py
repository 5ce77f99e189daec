"""Every fault and overload in its short form, as `make stress STRESS=--quick` runs it: some fifteen minutes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_is_kept_in_the_short_form(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadtests.faults", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
