"""The calls of a run: many distinct entity sets, read from a requests file or drawn from the fraud transactions.

One body repeated would mean one unit, one arm and one Redis key: the gateway would answer a question nobody asks.
"""

import itertools
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

Scalar = bool | int | float | str


class CasesError(ValueError):
    """The calls of a run cannot be read; the message names the file and the line."""


class Case(msgspec.Struct, frozen=True):
    """What one call asks, before any protocol has encoded it."""

    entities: dict[str, Scalar]
    features: dict[str, Scalar]
    unit: str = ""


def read_cases(path: Path) -> list[Case]:
    """Read JSON lines of `{"entities": {}, "features": {}, "unit": ""}`; repeated entity sets are dropped."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise CasesError(f"cannot read the requests file {path}: {exc.strerror}") from exc
    return distinct(_decode(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def draw_fraud_cases(transactions: Path, count: int, seed: int) -> list[Case]:
    """Draw `count` real (card, store) pairs with their amounts from the fraud transactions, in a seeded order."""
    import pyarrow.parquet  # only this fallback needs it, and it is heavy

    columns = ["card_id", "store_id", "amount", "customer_present"]
    table = pyarrow.parquet.read_table(transactions, columns=columns)
    drawn = random.Random(seed).sample(range(table.num_rows), min(2 * count, table.num_rows))  # pairs may repeat
    return distinct(_fraud_case(row) for row in table.take(drawn).to_pylist())[:count]


def of_new_cards(cases: Sequence[Case], count: int, crowd: int = 1) -> list[Case]:
    """Return `count` of the calls, each of a card of its own that nobody knows; another crowd has other cards.

    The data hold fewer cards than a rollout needs: a unit has said what it can after a few calls.
    """
    first = crowd * 100_000_000
    return [
        Case(case.entities | {"card_id": first + number}, case.features, case.unit)
        for number, case in zip(range(count), itertools.cycle(cases), strict=False)
    ]


def distinct(cases: Iterable[Case]) -> list[Case]:
    """Keep the first case of every entity set."""
    return list({tuple(sorted(case.entities.items())): case for case in cases}.values())


def _decode(path: Path, number: int, line: bytes) -> Case:
    try:
        return msgspec.json.decode(line, type=Case)
    except msgspec.DecodeError as exc:
        raise CasesError(f"{path}, line {number}: {exc}") from exc


def _fraud_case(row: dict[str, int | bool]) -> Case:
    return Case(
        entities={"card_id": row["card_id"], "store_id": row["store_id"]},
        features={"amount": float(row["amount"]), "customer_present": row["customer_present"]},
    )
