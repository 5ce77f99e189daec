"""The split: which of 10,000 buckets a unit falls into, the same in every process, language and release.

blake2b, 8 bytes, keyed by the rollout's salt, over the unit's UTF-8; big-endian; modulo 10,000. Golden vectors stand in
`tests/unit/test_routing_split.py`. A canary of weight w owns the buckets below w, so raising w only ever adds units.
"""

from hashlib import blake2b
from typing import NamedTuple

BUCKETS = 10_000


class Drawn(NamedTuple):
    """What a unit's hash says."""

    bucket: int
    """0 to 9,999."""
    number: int
    """The rest of the hash: it tells units apart and says nothing of the bucket, so units may be thinned by it."""


def draw(salt: bytes, unit: str) -> Drawn:
    """Return the unit's bucket and number. `salt` has at most 64 bytes (blake2b's key)."""
    number, bucket = divmod(_hash(salt, unit), BUCKETS)
    return Drawn(bucket, number)


def bucket_of(salt: bytes, unit: str) -> int:
    """Return the unit's bucket, 0 to 9,999. `salt` has at most 64 bytes (blake2b's key)."""
    return _hash(salt, unit) % BUCKETS


def _hash(salt: bytes, unit: str) -> int:
    return int.from_bytes(blake2b(unit.encode(), digest_size=8, key=salt).digest(), "big")
