"""The peers that are measured, each in the form that was fastest here, and the other forms it was chosen from.

Which form is fastest is a measurement that anyone can repeat: `python -m loadtests.peers triton-1 --against triton`.
"""

from functools import partial

from loadtests.peers import open_inference, plain_json, starts, triton
from loadtests.peers.fraud import ROOT
from loadtests.peers.peer import Peer

_LOCKS = ROOT / "requirements/peers"


def _triton(name: str, instances: int = 2, batch: int = 16, wait: int = 1000) -> Peer:
    count = f"{instances} instance{'s' if instances > 1 else ''}"
    return Peer(
        name=name,
        title=f"NVIDIA Triton 2.51.0 (nvidia-pytriton 0.7.0), Python backend, {count}{_batches(batch)}",
        whole_job=False,
        requirements=_LOCKS / "triton.txt",
        prepare=partial(triton.prepare, instances=instances, batch=batch, wait=wait),
        speak=open_inference.over_grpc,
        health="/v2/health/ready",
        side_health=True,
        finish=triton.place_stub,
    )


def _kserve(name: str) -> Peer:
    return Peer(
        name=name,
        title="KServe 0.21.0, gRPC",
        whole_job=False,
        requirements=_LOCKS / "kserve.txt",
        prepare=starts.kserve,
        speak=open_inference.over_grpc,
        health="/v2/health/ready",
        side_health=True,
    )


def _mlserver(name: str, batch: int = 0, grpc: bool = False) -> Peer:
    return Peer(
        name=name,
        title=f"MLServer 1.7.1, {'gRPC' if grpc else 'HTTP JSON'}{_batches(batch)}",
        whole_job=False,
        requirements=_LOCKS / "mlserver.txt",
        prepare=partial(starts.mlserver, batch=batch, wait=0.001 if batch else 0.0, grpc=grpc),
        speak=open_inference.over_grpc if grpc else open_inference.over_json,
        health="/v2/health/ready",
        side_health=grpc,
    )


def _litserve(name: str, batch: int = 16, wait: float = 0.001, fast_queue: bool = True) -> Peer:
    return Peer(
        name=name,
        title=f"LitServe 0.2.19, HTTP JSON{', fast queue' if fast_queue else ''}{_batches(batch)}",
        whole_job=False,
        requirements=_LOCKS / "litserve.txt",
        prepare=partial(starts.litserve, batch=batch, wait=wait, fast_queue=fast_queue),
        speak=plain_json.litserve,
        health="/health",
    )


def _bentoml(name: str, batch: int = 1) -> Peer:
    return Peer(
        name=name,
        title=f"BentoML 1.4.39, HTTP JSON{_batches(batch)}",
        whole_job=False,
        requirements=_LOCKS / "bentoml.txt",
        prepare=partial(starts.bentoml, batch=batch),
        speak=plain_json.bentoml,
        health="/readyz",
    )


def _fastapi_feast(name: str, way: str = "async") -> Peer:
    called = {
        "sync": "the SDK called on the event loop",
        "thread": "the SDK called in threads",
        "async": "the SDK awaited",
    }
    return Peer(
        name=name,
        title=f"FastAPI + Feast SDK + onnxruntime by hand, HTTP JSON, {called[way]}",
        whole_job=True,
        requirements=None,
        prepare=partial(starts.fastapi_feast, way=way),
        speak=plain_json.by_hand,
        health="/healthz",
    )


def _batches(batch: int) -> str:
    return f", batches of up to {batch}" if batch > 1 else ""


PEERS: tuple[Peer, ...] = (
    _triton("triton"),
    _kserve("kserve"),
    _mlserver("mlserver"),
    _litserve("litserve"),
    _bentoml("bentoml"),
    _fastapi_feast("fastapi_feast"),
)

VARIANTS: tuple[Peer, ...] = (
    _triton("triton-1", instances=1),
    _triton("triton-3", instances=3),
    _triton("triton-batch-64", batch=64, wait=500),
    _triton("triton-batch-8", batch=8, wait=1000),
    _triton("triton-no-wait", batch=64, wait=0),
    _mlserver("mlserver-batched", batch=16),
    _mlserver("mlserver-grpc", grpc=True),
    _mlserver("mlserver-grpc-batched", batch=16, grpc=True),
    _litserve("litserve-no-wait", wait=0.0),
    _litserve("litserve-slow-queue", fast_queue=False),
    _litserve("litserve-unbatched", batch=1, wait=0.0, fast_queue=False),
    _litserve("litserve-unbatched-fast-queue", batch=1, wait=0.0),
    _bentoml("bentoml-batched", batch=16),
    _fastapi_feast("fastapi_feast-sync", way="sync"),
    _fastapi_feast("fastapi_feast-thread", way="thread"),
)
