"""Several callers' requests as one, and the answer cut apart again: bytes behind one another, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.backends.backend import BackendError
from gateway.tensor import BYTES, Tensor, TensorError, joined, split
from gateway.tensor_request import TensorAnswer, TensorRequest
from gateway.triton.wire import OURS

MOST_BYTES = 4 * 2**20
"""Of inputs in one request that was joined: larger ones gain nothing by it."""


@dataclass(slots=True)
class _Group:
    places: list[int] = field(default_factory=list)
    rows: int = 0
    size: int = 0


def grouped(requests: Sequence[TensorRequest], most_rows: int) -> list[list[int]]:
    """Return the places of requests that go together, of at most so many rows and `MOST_BYTES`; all are in one."""
    groups: list[_Group] = []
    latest: dict[object, _Group] = {}
    for at, request in enumerate(requests):
        like, size = _like(request), sum([len(one.raw) for one in request.inputs])
        rows = most_rows if like is None else request.inputs[0].shape[0]
        group = latest.get(like)
        if group is None or group.rows + rows > most_rows or group.size + size > MOST_BYTES:
            group = latest[like] = _Group()
            groups.append(group)
        group.places.append(at)
        group.rows, group.size = group.rows + rows, group.size + size
    return [group.places for group in groups]


def _like(request: TensorRequest) -> object:
    """Return what a request has in common with those that it may be joined with; None: it has to go by itself.

    One with parameters of its own does: nobody knows what they mean to the model, and to whom.
    """
    inputs = request.inputs
    rows = {one.shape[0] if one.shape else 0 for one in inputs}
    if len(rows) != 1 or 0 in rows or not request.parameters.keys() <= OURS:
        return None
    if any(output.parameters for output in request.outputs):
        return None
    tensors = tuple([(one.name, one.datatype, one.shape[1:]) for one in inputs])
    return tensors, tuple([output.name for output in request.outputs])


def join(requests: Sequence[TensorRequest]) -> TensorRequest:
    """Return requests that are like each other as one."""
    first = requests[0]
    inputs = []
    for at, one in enumerate(first.inputs):
        parts = [request.inputs[at] for request in requests]
        rows = sum([part.shape[0] for part in parts])
        inputs.append(Tensor(one.name, one.datatype, (rows, *one.shape[1:]), b"".join([part.raw for part in parts])))
    return TensorRequest(inputs, first.outputs)


def cut(answer: TensorAnswer, rows: Sequence[int]) -> list[TensorAnswer]:
    """Return the answers of requests that had so many rows each. Raises `BackendError` where it cannot be cut so.

    Parameters of an answer cannot: nobody knows whose of them they are.
    """
    if answer.parameters:
        raise BackendError(f"the answer to {len(rows)} requests has parameters: {', '.join(answer.parameters):.80}")
    whole = sum(rows)
    columns = [_cut(output, rows, whole) for output in answer.outputs]
    return [TensorAnswer([column[at] for column in columns]) for at in range(len(rows))]


def _cut(output: Tensor, rows: Sequence[int], whole: int) -> list[Tensor]:
    name, datatype, shape, raw = output
    if not shape or shape[0] != whole:
        raise BackendError(f"{name} came back as {list(shape)} for {whole} rows")
    if datatype == BYTES:
        return _cut_texts(output, rows, whole)
    if len(raw) % whole:
        raise BackendError(f"{name} came back as {len(raw)} bytes for {whole} rows")
    found, at, size = [], 0, len(raw) // whole
    for count in rows:
        end = at + count * size
        found.append(Tensor(name, datatype, (count, *shape[1:]), raw[at:end]))
        at = end
    return found


def _cut_texts(output: Tensor, rows: Sequence[int], whole: int) -> list[Tensor]:
    try:
        texts = split(output)
    except TensorError as exc:
        raise BackendError(str(exc)) from exc
    found, at, each = [], 0, len(texts) // whole
    for count in rows:
        end = at + count * each
        found.append(Tensor(output.name, BYTES, (count, *output.shape[1:]), joined(texts[at:end])))
        at = end
    return found
