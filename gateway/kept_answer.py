"""An answer as it is kept for whoever repeats the call: its bytes, its key, and what it was the answer to."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from gateway.call import Answer, Call, FeatureStatus, Scalar

_DIGEST_BYTES: Final = 16


class KeptAnswer(msgspec.Struct, array_like=True, frozen=True):
    """What the caller was told, without its timings. Fields are only ever added at the end."""

    asked: bytes
    """The digest of the call that it answers; see `digest_of`."""
    at: float
    """When it was given, in unix seconds."""
    outputs: dict[str, float]
    decision: str
    arm: str
    bundle_version: str
    bundle_digest: str
    policy_version: str
    degraded_reasons: tuple[str, ...]
    statuses: dict[str, FeatureStatus]
    assigned: str
    precomputed_age_s: float | None = None

    def answer(self, queue_time: float, features_time: float, total_time: float) -> Answer:
        """Return it for a call that was repeated; times are in seconds, and of that call."""
        return Answer(
            outputs=self.outputs,
            decision=self.decision,
            arm=self.arm,
            bundle_version=self.bundle_version,
            policy_version=self.policy_version,
            degraded_reasons=self.degraded_reasons,
            statuses=self.statuses,
            queue_time=queue_time,
            features_time=features_time,
            total_time=total_time,
            assigned=self.assigned,
            replayed=True,
            precomputed_age_s=self.precomputed_age_s,
        )


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(KeptAnswer)


def keep(asked: bytes, answer: Answer, bundle_digest: str, at: float) -> bytes:
    """Return the bytes of an answer that is given now."""
    return _encode(
        KeptAnswer(
            asked,
            at,
            answer.outputs,
            answer.decision,
            answer.arm,
            answer.bundle_version,
            bundle_digest,
            answer.policy_version,
            answer.degraded_reasons,
            dict(answer.statuses),
            answer.assigned,
            answer.precomputed_age_s,
        )
    )


def read(kept: bytes) -> KeptAnswer | None:
    """Read what `keep` wrote; None for what is no answer of ours."""
    try:
        return _decoder.decode(kept)
    except msgspec.DecodeError:
        return None


def key_of(deployment: str, request_id: str) -> bytes:
    """Return where an answer is kept: the same whatever arm, table, worker or gateway gives it."""
    return f"sluice:answer:{deployment}:{request_id}".encode()


def digest_of(call: Call) -> bytes:
    """Return what tells this call from others: entities, request features and unit, as the caller has said them.

    1, 1.0 and true are one and the same in any of the wire's encodings. A time that was left out is no part of it.
    """
    said = [_canonical(call.entities), _canonical(call.features), call.unit]
    return blake2b(msgspec.json.encode(said), digest_size=_DIGEST_BYTES).digest()


def _canonical(values: Mapping[str, Scalar]) -> list[tuple[str, str]]:
    return [(name, _word(values[name])) for name in sorted(values)]


def _word(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    whole = int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value
    return str(whole)
