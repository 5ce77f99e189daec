"""The split: golden vectors, monotone, even."""

from collections.abc import Callable

import pytest

from routing.split import BUCKETS, bucket_of, draw
from routing.table import CANARY, CHAMPION, Canary, Shadow, Table, TableError

# Other languages check themselves against these.
GOLDEN = [
    (b"fraud", "32261", 2826),
    (b"fraud", "", 507),
    (b"quotes", "rider-7f3a", 2553),
    (b"r-2026-11", "Zürich", 4886),
    (b"r-2026-11", "\x00", 8736),
    (b"x" * 64, "1", 5926),
]


@pytest.mark.parametrize(("salt", "unit", "bucket"), GOLDEN)
def test_golden_vectors(salt: bytes, unit: str, bucket: int) -> None:
    assert bucket_of(salt, unit) == bucket
    assert draw(salt, unit).bucket == bucket


def test_buckets_are_even() -> None:
    counts = [0] * 10
    for unit in range(50_000):
        counts[bucket_of(b"salt", str(unit)) * 10 // BUCKETS] += 1
    assert all(4_700 < count < 5_300 for count in counts)


def test_raising_the_weight_only_adds_units() -> None:
    units = [str(number) for number in range(5_000)]
    before: set[str] = set()
    for weight in (0, 1, 50, 500, 5_000, 10_000):
        table = Table("fraud", 1, "1", b"salt", Canary("2", weight))
        now = {unit for unit in units if table.arm_of(unit) == CANARY}
        assert before <= now
        before = now
    assert before == set(units)


def test_weight_is_the_share_of_units() -> None:
    table = Table("fraud", 1, "1", b"salt", Canary("2", 500))
    share = sum(table.arm_of(str(number)) == CANARY for number in range(50_000)) / 50_000
    assert share == pytest.approx(0.05, abs=0.005)


def test_no_canary_means_champion() -> None:
    table = Table("fraud", 1, "1", b"salt")
    assert {table.arm_of(str(number)) for number in range(100)} == {CHAMPION}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Canary("2", 13_000), "weight 1.3"),
        (lambda: Canary("2", -1), "weight"),
        (lambda: Shadow("2", 1.1), "rate 1.1"),
        (lambda: Table("fraud", 1, "", b"s"), "no champion"),
        (lambda: Table("fraud", 1, "1", b""), "salt"),
        (lambda: Table("fraud", 1, "1", b"s", Canary("1", 5)), "champion and canary"),
        (lambda: Table("fraud", 1, "1", b"s", shadows=(Shadow("2", 0.1), Shadow("2", 0.2))), "shadow twice"),
    ],
)
def test_tables_that_cannot_exist(build: Callable[[], object], message: str) -> None:
    with pytest.raises(TableError, match=message):
        build()


def test_a_units_number_says_nothing_of_its_bucket() -> None:
    drawn = [draw(b"salt", str(unit)) for unit in range(40_000)]
    assert len({one.number for one in drawn}) == len(drawn)
    thinned = [one.bucket for one in drawn if one.number % 16 == 0]
    assert sum(bucket < 500 for bucket in thinned) / len(thinned) == pytest.approx(0.05, abs=0.013)  # three errors
