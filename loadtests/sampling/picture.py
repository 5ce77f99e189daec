"""One bar of the picture: what a row costs by stage, out of samples, the kernel's accounts and the gateway's counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtests.sampling.stages import IDLE, LOOP, SERVER, STAGES, Sample, busiest, shares
from loadtests.sampling.threads import Spent

_FUNCTIONS = 40


@dataclass(frozen=True, slots=True)
class Watched:
    """A while of one worker under load."""

    seconds: float
    main: Spent
    others: float
    """Processor seconds of all the worker's other threads."""
    rows: float
    lists: float
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Bar:
    """Microseconds of a row by stage, `in_flight` calls being on their way at once."""

    in_flight: int
    rows_per_list: float
    rows_per_second: float
    microseconds: Mapping[str, float]
    functions: Sequence[tuple[str, str, float]]
    """The busiest: stage, name, µs of a row."""


def bar(in_flight: int, watched: Watched) -> Bar:
    """Draw up a bar; raises ValueError when nothing was served or nothing sampled."""
    if not watched.rows or not watched.samples:
        raise ValueError("no bar: no row was served, or no sample was taken")
    scale = 1e6 / watched.rows
    # Samples tell wall time, and a thread that waits for its core is met where it was: the main thread ran for
    # this part of the time in which it could have.
    running = watched.main.ran / (watched.main.ran + watched.main.waited or 1.0)
    met = shares(watched.samples)
    seconds = {stage: share * watched.seconds * running for stage, share in met.items() if stage != LOOP}
    # The loop's samples hold its sleep: what the thread ran for beside all other stages is the loop's own.
    seconds[LOOP] = max(0.0, watched.main.ran - sum(seconds.values()))
    seconds[SERVER] = watched.others
    seconds[IDLE] = max(0.0, watched.seconds - watched.main.ran - watched.others)
    per_sample = watched.seconds * running * scale
    return Bar(
        in_flight=in_flight,
        rows_per_list=watched.rows / max(1.0, watched.lists),
        rows_per_second=watched.rows / watched.seconds,
        microseconds={stage: seconds[stage] * scale for stage in STAGES if seconds.get(stage)},
        functions=[
            (stage, name, share * per_sample)
            for stage, name, share in busiest(watched.samples, _FUNCTIONS)
            if stage != LOOP
        ],
    )
