"""Predictions as protobuf bytes, put together from parts that are made once: three times as fast as by messages.

What repeats from answer to answer (arm, versions, decision, what was not fresh) is serialised by protobuf itself and
remembered. What differs is a double, four small numbers and an id: a message is its fields one after the other, in any
order, so those are written behind (protobuf.dev/programming-guides/encoding).
"""

from functools import lru_cache
from struct import Struct

from gateway.call import Answer, FeatureStatus
from gateway.fronts.timings import microseconds
from protos.sluice.v1 import prediction_pb2 as pb

LENGTH_DELIMITED = 2
_FIXED_64 = 1
_DOUBLE = Struct("<d").pack
_AGE = pb.Prediction.DESCRIPTOR.fields_by_name["precomputed_age_s"]
_PRECOMPUTED_AGE = bytes([_AGE.number << 3 | _FIXED_64])
_TIMINGS = pb.Timings.DESCRIPTOR.fields_by_name
_QUEUE, _FEATURES, _INFER, _TOTAL = (
    bytes([_TIMINGS[name].number << 3]) for name in ("queue_us", "features_us", "infer_us", "total_us")
)

Statuses = tuple[tuple[str, FeatureStatus], ...]


def varint(number: int) -> bytes:
    """A whole number from 0 in seven-bit groups, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_SHORT = [varint(number) for number in range(1 << 14)]
"""Of every time below 16 ms, in microseconds: looking one up is quicker than asking what was made before."""


def tag(message: type[pb.PredictResponse | pb.PredictManyResponse | pb.RowResult], field: str) -> bytes:
    """The first byte of a string or a message in this field; raises KeyError for an unknown one."""
    return bytes([message.DESCRIPTOR.fields_by_name[field].number << 3 | LENGTH_DELIMITED])


def delimited(head: bytes, content: bytes) -> bytes:
    """A string or a message as a field: `head` is its tag."""
    length = len(content)
    return b"%b%b%b" % (head, _SHORT[length] if length < len(_SHORT) else varint(length), content)


def prediction(answer: Answer) -> bytes:
    """A `sluice.v1.Prediction`."""
    parts = [
        _remembered(
            answer.arm,
            answer.bundle_version,
            answer.policy_version,
            answer.decision,
            answer.degraded_reasons,
            tuple(answer.statuses.items()),
            answer.assigned,
            answer.replayed,
        )
    ]
    if answer.precomputed_age_s is not None:
        parts += (_PRECOMPUTED_AGE, _DOUBLE(answer.precomputed_age_s))
    for name, value in answer.outputs.items():
        parts += (_output_head(name), _DOUBLE(value))
    return b"".join(parts)


def timings(answer: Answer) -> bytes:
    """A `sluice.v1.Timings`."""
    return b"".join(
        (
            _QUEUE,
            _duration(answer.queue_time),
            _FEATURES,
            _duration(answer.features_time),
            _INFER,
            _duration(answer.infer_time),
            _TOTAL,
            _duration(answer.total_time),
        )
    )


def _duration(seconds: float) -> bytes:
    number = int(seconds * 1e6 + 0.5)
    return _SHORT[number] if 0 <= number < len(_SHORT) else varint(microseconds(seconds))


@lru_cache(maxsize=4096)
def _remembered(
    arm: str,
    bundle_version: str,
    policy_version: str,
    decision: str,
    reasons: tuple[str, ...],
    statuses: Statuses,
    assigned: str,
    replayed: bool,
) -> bytes:
    return pb.Prediction(
        arm=arm,
        bundle_version=bundle_version,
        policy_version=policy_version,
        decision=decision,
        degraded=bool(reasons),
        degraded_reasons=reasons,
        feature_statuses={name: pb.FeatureStatus.ValueType(status) for name, status in statuses},
        rescued=bool(assigned),
        assigned_arm=assigned or arm,
        replayed=replayed,
    ).SerializeToString()


@lru_cache(maxsize=256)
def _output_head(name: str) -> bytes:
    """An entry of `outputs` but for its value: eight bytes that stand last."""
    return pb.Prediction(outputs={name: 1.0}).SerializeToString()[:-8]
