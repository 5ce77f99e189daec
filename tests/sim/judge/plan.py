"""What a whole simulation consists of: every scenario with how often it is played and what a run costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.sim.judge.pairs import ALIKE, SLOWER, play_alike, play_slower
from tests.sim.judge.power import ERRORS, SMALLEST, WATCHED, play_cell
from tests.sim.judge.scenarios import GUILTY, INNOCENT
from tests.sim.judge.stream import play_stream
from tests.sim.judge.work import Part, Rows
from tests.sim.line import scenes
from tests.sim.line.play import play

STREAM, LINE, PAIRS, FLOORS = "events", "the line", "alike pairs", "floors"
GUILTY_LINE, GUILTY_STREAM = "guilty, the line", "guilty, events"
ERRORS_GROW, WATCHED_ERRORS, SLOWER_PAIRS = "errors", "watched", "slower"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many runs each scenario gets. The promises are made for these."""

    stream: int = 2_000
    line: int = 100
    guilty_line: int = 30
    cell: int = 100


def parts_of(sizes: Sizes, only: str = "") -> list[Part]:
    """Return what is to be played; `only` is part of the names of what is."""
    parts = [
        *(Part(LINE, scene, partial(_play_line, scene), sizes.line, 1.0) for scene in scenes.INNOCENT),
        *(Part(FLOORS, scene, partial(_play_line, scene), sizes.guilty_line, 0.9) for scene in scenes.AWAY),
        *(Part(GUILTY_LINE, scene, partial(_play_line, scene), sizes.guilty_line, 0.2) for scene in scenes.GUILTY),
        *(
            Part(STREAM, traffic, partial(play_stream, traffic), sizes.stream, 0.04 if traffic.units else 0.014)
            for traffic in INNOCENT
        ),
        *(Part(GUILTY_STREAM, traffic, partial(play_stream, traffic), sizes.cell, 0.04) for traffic in GUILTY),
        *(Part(PAIRS, cell, partial(play_alike, cell), sizes.stream, 0.02) for cell in ALIKE),
        *(
            Part(ERRORS_GROW, cell, partial(play_cell, cell), sizes.cell, 0.07 if cell.onset > 3_600 else 0.015)
            for cell in (*ERRORS, *SMALLEST)
        ),
        *(Part(WATCHED_ERRORS, cell, partial(play_cell, cell), sizes.cell, 0.02) for cell in WATCHED),
        *(
            Part(SLOWER_PAIRS, cell, partial(play_slower, cell), sizes.cell, 0.1 if cell.onset > 3_600 else 0.02)
            for cell in SLOWER
        ),
    ]
    return [part for part in parts if only in f"{part.kind}: {part.subject.name}"]


def _play_line(scene: scenes.Scene, seeds: Sequence[int]) -> Rows:
    return [list(play(scene, seed)) for seed in seeds]
