"""Who was the last to hold a model."""

import subprocess
import sys
from pathlib import Path

from gateway.triton.hold import Hold

HOLDS = "import sys, time; from gateway.triton.hold import Hold; from pathlib import Path\n"
HOLDS += "held = Hold(Path(sys.argv[1]), 'fraud-1'); print('held', flush=True); time.sleep(600)"


def test_the_last_one_is_told_so(tmp_path: Path) -> None:
    first, second, other = Hold(tmp_path, "fraud-1"), Hold(tmp_path, "fraud-1"), Hold(tmp_path, "fraud-2")
    with first.let_go() as last:
        assert not last
    with other.let_go() as last:
        assert last
    with second.let_go() as last:
        assert last
    with Hold(tmp_path, "fraud-1").let_go() as last:
        assert last


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"held\n"
        with Hold(tmp_path, "fraud-1").let_go() as last:
            assert not last
        process.kill()
        process.wait()
    with Hold(tmp_path, "fraud-1").let_go() as last:
        assert last
