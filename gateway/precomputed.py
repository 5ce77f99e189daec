"""How a deployment uses scores that were computed ahead, and where such a score lies: its key and its bytes.

`sluice score-all` writes them into the feature Redis, and the line reads them with the features. What is not there, is
too old, or was computed of another bundle or for other request features, is scored in process as ever.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from routing.reading import number, section, within

LONGEST: Final = 30 * 86_400.0
"""Seconds."""
_SCORE = struct.Struct("<Bdd")
_FORMAT = 1
_TAG_BYTES = 8


@dataclass(frozen=True, slots=True)
class PrecomputedRule:
    """`max_age` is in seconds; `values` are the request features that scores are computed for, as a call sends them."""

    max_age: float
    values: Mapping[str, float | bool]


@dataclass(frozen=True, slots=True)
class Score:
    """A score as a model has given it, and when: unix seconds of the wall's clock."""

    score: float
    at: float


def read_precomputed(said: object, wanted: bool) -> PrecomputedRule | None:
    """Read the section of a `deployment.yaml`: there must be one where it is `wanted`, and nowhere else.

    Raises `ValueError`.
    """
    if not wanted:
        if said is not None:
            raise ValueError("precomputed: is said of a deployment of another backend: say backend: precomputed, too")
        return None
    with within("precomputed"):
        entry = section(said, "max_age_s", "values")
        values = section(entry.get("values"))
        return PrecomputedRule(
            number(entry, "max_age_s", least=1.0, most=LONGEST),
            {name: said if isinstance(said, bool) else number(values, name) for name, said in values.items()},
        )


def key_start(deployment: str, digest: str, rule: PrecomputedRule) -> bytes:
    """Return how the keys of a bundle's scores begin; behind it comes the entities' own key in the feature store.

    It tells bundles apart, and the request features that scores were computed for.
    """
    values = sorted((name, float(value)) for name, value in rule.values.items())
    of = msgspec.json.encode([digest, values])
    return f"sluice:score:{deployment}:{blake2b(of, digest_size=_TAG_BYTES).hexdigest()}:".encode()


def write_score(score: Score) -> bytes:
    """Return a score's bytes."""
    return _SCORE.pack(_FORMAT, score.score, score.at)


def read_score(value: bytes) -> Score | None:
    """Read what `write_score` wrote; None for anything else."""
    if len(value) != _SCORE.size or value[0] != _FORMAT:
        return None
    _, score, at = _SCORE.unpack(value)
    return Score(score, at)
