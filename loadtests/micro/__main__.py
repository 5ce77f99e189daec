"""`python -m loadtests.micro`: runs every micro-benchmark here; further words go to pytest (`-k decode`)."""

import subprocess
import sys

COMMAND = [sys.executable, "-m", "pytest", "loadtests/micro", "-q", "-p", "no:cacheprovider"]
COMMAND += ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*", "--benchmark-only"]
COLUMNS = "--benchmark-columns=median,iqr,min,rounds"


if __name__ == "__main__":
    sys.exit(subprocess.run([*COMMAND, COLUMNS, *sys.argv[1:]], check=False).returncode)
