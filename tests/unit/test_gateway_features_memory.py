"""What a worker remembers of replies: as they came, bounded, the oldest reading gone first."""

import tracemalloc
from pathlib import Path

import pytest

from gateway.features.layout import Layout
from gateway.features.memory import Fields, Memory, MemoryLimits
from gateway.testing.plans import small_plan


@pytest.fixture
def layouts(tmp_path: Path) -> tuple[Layout, Layout]:
    card, store = small_plan(tmp_path).groups
    return card.layout, store.layout


def keep(memory: Memory, layout: Layout, number: int, read_at: float = 0.0, fields: Fields | None = None) -> None:
    memory.keep(layout, b"%06d" % number, fields or [b"value", b"", None], read_at)


def test_replies_come_back_as_they_were(layouts: tuple[Layout, Layout]) -> None:
    memory = Memory()
    fields: Fields = [b"\x29" + bytes(range(248, 256)), b"", None, bytes(300)]
    memory.keep(layouts[0], b"key", fields, 7.0)
    known = memory.recall(layouts[0], b"key")
    assert known is not None
    assert (known.read_at, known.fields()) == (7.0, fields)


def test_layouts_and_keys_are_told_apart(layouts: tuple[Layout, Layout]) -> None:
    memory = Memory()
    memory.keep(layouts[0], b"key", [b"card"], 0.0)
    assert memory.recall(layouts[1], b"key") is None
    assert memory.recall(layouts[0], b"other") is None


def test_what_is_forgotten_is_gone(layouts: tuple[Layout, Layout]) -> None:
    memory = Memory()
    keep(memory, layouts[0], 1)
    memory.forget(layouts[0], b"000001")
    memory.forget(layouts[0], b"000002")
    assert (len(memory), memory.size) == (0, 0)


def test_the_oldest_reading_makes_room(layouts: tuple[Layout, Layout]) -> None:
    memory = Memory(MemoryLimits(keys=3))
    for number in (1, 2, 3, 1, 4):  # 1 is read again before there is one too many
        keep(memory, layouts[0], number)
    assert [number for number in range(5) if memory.recall(layouts[0], b"%06d" % number)] == [1, 3, 4]


def test_bytes_are_bounded_too(layouts: tuple[Layout, Layout]) -> None:
    memory = Memory(MemoryLimits(size=10_000))
    for number in range(100):
        keep(memory, layouts[0], number, fields=[bytes(1000)])
        assert memory.size <= 10_000
    assert 5 < len(memory) < 10
    keep(memory, layouts[0], 100, fields=[bytes(20_000)])
    assert (len(memory), memory.size) == (0, 0), "what is larger than all the room is not kept"


def test_its_size_is_what_it_takes(layouts: tuple[Layout, Layout]) -> None:
    """Else the bound in bytes would bound something else."""
    fields = [b"\x29" + bytes(8)] * 11 + [bytes(11)]
    tracemalloc.start()
    try:
        memory = Memory(MemoryLimits(keys=5_000))
        for number in range(15_000):  # through the churn of a full memory
            keep(memory, layouts[0], number, float(number), list(fields))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(memory) == 5_000
    assert 0.75 * taken < memory.size < 1.33 * taken


def test_limits_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="below 0"):
        MemoryLimits(keys=-1)
