"""`python -m loadtests.inside.feature_read`: time of a list of 16 rows, the gateway's reader and the Feast SDK in turn.

Both read the same rows of the same Redis in one interpreter, list after list; what they read is compared first.
"""

import sys
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import uvloop
from feast import FeatureStore

from gateway.features.address import parse_address
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan, load_plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.supervisor.declarations import find_deployments
from loadtests.cases import Case, draw_fraud_cases
from loadtests.collector import collector_off
from loadtests.inside.bundle_memory import BUNDLES
from loadtests.options import FRAUD_TRANSACTIONS
from models.feature_store import open_store
from models.manifest import load_manifest

ROWS = 16
_DEPLOYMENT = "fraud"
_OURS, _SDK = 400, 40  # lists a round: about as long each
_PATIENCE = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Print microseconds of a list by round."""
    parser = ArgumentParser(prog="python -m loadtests.inside.feature_read", description=__doc__)
    parser.add_argument("--redis", default="redis://127.0.0.1:6399", help="the Redis that Feast filled [%(default)s]")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where <name>/deployment.yaml lie")
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # Feast announces its own deprecations
    store = open_store(options.redis)
    print(msgspec.json.encode(uvloop.run(measure(options.redis, store, options.models, options.rounds))).decode())
    return 0


async def measure(redis_url: str, store: FeatureStore, models: Path, rounds: int) -> dict[str, object]:
    """Compare, then time both in turn."""
    deployment = next(one for one in find_deployments(models) if one.name == _DEPLOYMENT)
    directory = BUNDLES / _DEPLOYMENT / deployment.table.champion
    plan, newest = load_plan(directory / "plan.json"), load_manifest(directory).newest_event
    lists = _lists(draw_fraud_cases(FRAUD_TRANSACTIONS, _OURS * ROWS, 7))
    sdk = Sdk(store)
    reader = RedisFeatureReader(parse_address(redis_url))
    await reader.start()
    try:
        ours = Ours(reader, plan)
        compared = sum([await _compare(ours, sdk, one) for one in lists[:_SDK]])
        found: dict[str, list[float]] = {"ours_us": [], "sdk_us": [], "sdk_to_dict_us": []}
        with collector_off():
            for _ in range(rounds):
                found["ours_us"].append(await _time_ours(ours, lists, newest))
                found["sdk_us"].append(_time_sdk(sdk.read, lists[:_SDK]))
                found["sdk_to_dict_us"].append(_time_sdk(sdk.read_to_dict, lists[:_SDK]))
    finally:
        await reader.close()
    about = {"lists": _OURS, "rows": ROWS, "features": len(plan.stored), "compared": compared}
    return {**found, **about, "sdk": f"Feast SDK {version('feast')} ({_SDK} lists)"}


class Ours:
    """The gateway's reader, from entity ids to a block of values."""

    def __init__(self, reader: RedisFeatureReader, plan: Plan) -> None:
        self.plan = plan
        self._reader = reader

    async def read(self, rows: Sequence[Case], event_now: float) -> FeatureBlock:
        """Return the values by row, defaults in place."""
        keys = [self.plan.row_keys(case.entities) for case in rows]
        return await self._reader.read(self.plan, keys, event_now, _PATIENCE)


class Sdk:
    """Feast's own client, asked as its documentation says, for the same feature service."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._service = store.get_feature_service(_DEPLOYMENT)

    def read(self, rows: Sequence[Case]) -> object:
        """Return the SDK's own answer."""
        return self._store.get_online_features(self._service, [dict(case.entities) for case in rows])

    def read_to_dict(self, rows: Sequence[Case]) -> dict[str, list[float | None]]:
        """Return columns of plain values."""
        answer = self._store.get_online_features(self._service, [dict(case.entities) for case in rows])
        return answer.to_dict()


async def _compare(ours: Ours, sdk: Sdk, rows: Sequence[Case]) -> int:
    """Raise when a value that the SDK found is another in our block; return how many were compared."""
    block = await ours.read(rows, 0.0)  # at time zero nothing is stale, and the SDK knows no staleness
    values = block.values.tolist()
    columns, compared = sdk.read_to_dict(rows), 0
    for at, feature in enumerate(ours.plan.stored):
        for row, theirs in enumerate(columns[feature.name]):
            if theirs is None:
                continue
            compared += 1
            if values[row][at] != theirs:
                raise ValueError(f"{feature.name} of {rows[row].entities}: ours {values[row][at]}, the SDK's {theirs}")
    return compared


def _lists(cases: Sequence[Case]) -> list[Sequence[Case]]:
    return [cases[at : at + ROWS] for at in range(0, len(cases) - ROWS + 1, ROWS)]


async def _time_ours(ours: Ours, lists: Sequence[Sequence[Case]], newest: float) -> float:
    begun = time.perf_counter()
    for rows in lists:
        await ours.read(rows, newest)
    return (time.perf_counter() - begun) / len(lists) * 1e6


def _time_sdk(read: Callable[[Sequence[Case]], object], lists: Sequence[Sequence[Case]]) -> float:
    begun = time.perf_counter()
    for rows in lists:
        read(rows)
    return (time.perf_counter() - begun) / len(lists) * 1e6


if __name__ == "__main__":
    sys.exit(main())
