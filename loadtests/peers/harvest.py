"""Reads the rows once: stored features through Feast, request features through the transform, scores through ONNX.

A process of its own, so that Feast and all that it imports stay out of the generator.
"""

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from feast import FeatureStore
from numpy.typing import NDArray

from loadtests.cases import Case, draw_fraud_cases
from loadtests.peers.feature_repo import FeatureRepoError, write_feature_repo
from loadtests.peers.fraud import TRANSACTIONS, FraudFiles, open_session
from loadtests.peers.rows import Row, Rows

_SEED = 11
_DAY = 86_400.0


def main(arguments: list[str]) -> int:
    """Write the rows for KEY, read at REDIS, COUNT of them, to PATH."""
    key, redis, count, path = arguments
    try:
        rows = harvest(key, redis, int(count))
    except FeatureRepoError as exc:
        print(exc, file=sys.stderr)
        return 2
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(msgspec.json.encode(rows))
    return 0


def harvest(key: str, redis: str, count: int) -> Rows:
    """Read, transform and score `count` payments."""
    fraud = FraudFiles()
    cases = _timed(draw_fraud_cases(TRANSACTIONS, count, _SEED), fraud.newest_event)
    columns = _stored(redis, cases) | _requested(cases)
    defaults = {name: _filled(columns[name], value) for name, value in fraud.defaults.items()}
    columns = columns | defaults
    columns = columns | fraud.transform(columns)
    matrix = np.column_stack([columns[name] for name in fraud.columns]).astype(np.float32)
    scores = open_session().run(["score"], {"features": matrix})[0].reshape(-1).tolist()
    rows = zip(cases, matrix, scores, strict=True)
    return Rows(
        key,
        tuple(fraud.columns),
        tuple(Row(case, _short(line), score, fraud.decide(score)) for case, line, score in rows),
    )


def _timed(cases: Sequence[Case], newest: float) -> list[Case]:
    """Give every payment a time within a day after the newest event, so that nothing depends on a clock."""
    draw = random.Random(_SEED)
    times = [newest + float(draw.randrange(int(_DAY))) for _ in cases]
    return [Case(case.entities, case.features | {"time": time}) for case, time in zip(cases, times, strict=True)]


def _stored(redis: str, cases: Sequence[Case]) -> dict[str, NDArray[np.float64]]:
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(repo_path=str(write_feature_repo(Path(folder), redis)))
        entities = {name: [case.entities[name] for case in cases] for name in ("card_id", "store_id")}
        answer = store.get_online_features(store.get_feature_service("fraud"), entities).to_dict()
    return {name: np.array(values, dtype=np.float64) for name, values in answer.items()}


def _requested(cases: Sequence[Case]) -> dict[str, NDArray[np.float64]]:
    names = cases[0].features
    return {name: np.array([case.features[name] for case in cases], dtype=np.float64) for name in names}


def _filled(column: NDArray[np.float64], default: float) -> NDArray[np.float64]:
    return np.where(np.isnan(column), default, column)


def _short(line: NDArray[np.float32]) -> tuple[float, ...]:
    """Return the shortest decimals that are these very float32 values, as a caller would write them in JSON."""

    def shortest() -> Iterator[float]:
        return (float(str(value)) for value in line)

    return tuple(shortest())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
