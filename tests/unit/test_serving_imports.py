"""The serving process stays lean: nothing of the offline side is loaded, whatever is installed beside it."""

import subprocess
import sys

OFFLINE = ("feast", "pandas", "mlflow", "sklearn", "lightgbm", "duckdb", "pyarrow", "mmh3", "locust", "hpack")


def test_a_worker_loads_nothing_of_the_offline_side() -> None:
    code = f"import sys, gateway.worker; print([name for name in {OFFLINE} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_worker_loads_nothing_of_triton_s_until_somebody_asks_for_it() -> None:
    code = "import sys, gateway.worker; print([name for name in sys.modules if name.startswith('tritonclient')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
