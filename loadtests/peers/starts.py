"""How the peers of Python are started: one worker each, tuned as their own documentation advises."""

from pathlib import Path

import msgspec

from loadtests.peers.feature_repo import write_feature_repo
from loadtests.peers.fraud import MODEL
from loadtests.peers.open_inference import MODEL_NAME
from loadtests.peers.peer import Place, Running

_SERVED = Path(__file__).parent / "served"
_QUIET_KSERVE = """\
version: 1
disable_existing_loggers: false
root: {level: WARNING}
loggers: {kserve: {level: WARNING}, uvicorn: {level: WARNING}, kserve.trace: {level: WARNING}}
"""


def kserve(place: Place) -> Running:
    """One process; the line that it logs for every call is switched off."""
    log_config = place.folder / "log.yaml"
    log_config.write_text(_QUIET_KSERVE)
    options = {
        "model": MODEL,
        "model_name": MODEL_NAME,
        "grpc_port": place.ports.asked,
        "http_port": place.ports.side,
        "workers": 1,
        "enable_latency_logging": False,
        "log_config_file": log_config,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    return Running([place.python, str(_SERVED / "kserve_server.py"), *words], {})


def mlserver(place: Place, batch: int, wait: float, grpc: bool = False) -> Running:
    """No pool of inference processes (there is one core), no debug mode; adaptive batching as told."""
    ports = place.ports
    http_port, grpc_port = (ports.side, ports.asked) if grpc else (ports.asked, ports.side)
    settings = {
        "debug": False,
        "gzip_enabled": False,
        "parallel_workers": 0,
        "host": "127.0.0.1",
        "http_port": http_port,
        "grpc_port": grpc_port,
        "metrics_port": ports.metrics,
    }
    model = {
        "name": MODEL_NAME,
        "implementation": "mlserver_runtime.OnnxRuntime",
        "parameters": {"uri": str(MODEL)},
        "max_batch_size": batch,
        "max_batch_time": wait,
    }
    (place.folder / "settings.json").write_bytes(msgspec.json.encode(settings))
    (place.folder / "model-settings.json").write_bytes(msgspec.json.encode(model))
    command = [str(place.environment / "bin/mlserver"), "start", str(place.folder)]
    return Running(command, {"PYTHONPATH": str(_SERVED)})


def litserve(place: Place, batch: int, wait: float, fast_queue: bool) -> Running:
    """One API process and one worker, which is the least that it can be."""
    words = ["--model", str(MODEL), "--port", str(place.ports.asked), "--batch", str(batch), "--wait", str(wait)]
    fast = ["--fast-queue"] if fast_queue else []
    return Running([place.python, str(_SERVED / "litserve_server.py"), *words, *fast], {})


def bentoml(place: Place, batch: int) -> Running:
    """One worker; adaptive batching from a batch of two on."""
    words = ["serve", "bentoml_service:Fraud", "--working-dir", str(_SERVED)]
    address = ["--host", "127.0.0.1", "--port", str(place.ports.asked)]
    variables = {
        "PEER_MODEL": str(MODEL),
        "PEER_BATCH": str(batch),
        "BENTOML_HOME": str(place.folder),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    return Running([str(place.environment / "bin/bentoml"), *words, *address], variables)


def fastapi_feast(place: Place, way: str) -> Running:
    """One uvicorn process over the features that the gateway reads too."""
    repo = write_feature_repo(place.folder, place.redis)
    words = ["--repo", str(repo), "--port", str(place.ports.asked), "--way", way]
    return Running([place.python, "-m", "loadtests.peers.served.fastapi_feast", *words], {"FEAST_USAGE": "False"})
