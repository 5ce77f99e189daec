"""Nothing that we import reports to its maker: onnxruntime's wheels do, unless they are told not to in time."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, {module}
held = [os.path.realpath(f"/proc/self/fd/{{number}}") for number in os.listdir("/proc/self/fd")]
print([path for path in held if ".onnxruntime" in path])
"""


@pytest.mark.parametrize("module", ["gateway.backends.onnx", "models.export"])
def test_onnxruntime_keeps_what_it_sees_to_itself(module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
