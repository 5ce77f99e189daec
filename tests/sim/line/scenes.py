"""What is played through the real line: innocent canaries, which are what the champion is, and guilty ones."""

from dataclasses import dataclass, field

from tests.sim.line.manner import Manner, Span, When, never


@dataclass(frozen=True, slots=True)
class Scene:
    """One rollout. A canary of None is what the champion is."""

    name: str
    champion: Manner = field(default_factory=Manner)
    canary: Manner | None = None
    shadow: Manner | None = None
    mean_list: int = 8
    calls: int = 20_000
    rate: float = 200.0
    """Calls a second."""
    units: int = 10_000
    pareto: bool = False
    """Whether a few of them make most of the calls."""
    steps: tuple[tuple[float, int], ...] = ((0.0, 500), (0.5, 2_000))
    """When each step begins, as a share of the run, and the canary's weight, of 10,000."""
    store_away: When = never
    rows_worse: bool = False
    """Whether the canary's rows fail more than twice as often, so that the contrary must not be shown."""


_SHARED_SERVER = Manner(faulty=0.01, gone=Span(1.0, 2.2, 8.0))
"""Away for just longer than the floor waits."""
_ROWS = Manner(faulty=0.03, nan=0.01)
_FITS = Manner(faulty=0.01, fit_row=0.0005, fit=0.05)
_AWAY = Manner(faulty=0.01, fit_row=0.0005, fit=0.3)
_OUTAGES = Manner(faulty=0.01, away=Span(0.7, 2.0, 20.0))
_STARVED = Span(40.0, 1.0, 5.0)
_CROWDED = Span(3.0, 1.0, 3.0)

INNOCENT = (
    Scene("rows that fail by unit, lists of 1", _ROWS, mean_list=1),
    Scene("rows that fail by unit, lists of 8", _ROWS),
    Scene("rows that fail by unit, lists of 64", _ROWS, mean_list=64),
    Scene("a few units make most of the calls", _ROWS, pareto=True),
    Scene(
        "a few units make most of the calls, and break one arm each",
        Manner(faulty=0.05),
        Manner(faulty=0.05, mirrored=True),
        pareto=True,
    ),
    Scene("one row in three breaks both arms, lists of 1", Manner(faulty=0.33), mean_list=1),
    Scene("half of the rows break both arms, lists of 1", Manner(faulty=0.5), mean_list=1),
    Scene("promoted: 90 % then 98 %", _ROWS, steps=((0.0, 9_000), (0.5, 9_800))),
    Scene("calls of a run share its fate, lists of 1", _FITS, mean_list=1),
    Scene("calls of a run share its fate, lists of 8", _FITS),
    Scene("calls of a run share its fate, lists of 64", _FITS, mean_list=64),
    Scene("flaky runs, the longer the more, lists of 64", Manner(faulty=0.01, flaky_row=0.005), mean_list=64),
    Scene("long lists are late", Manner(faulty=0.01, row=0.0012, noise=0.5), mean_list=32),
    Scene(
        "the canary's host is starved",
        Manner(faulty=0.03),
        Manner(faulty=0.03, slow=_STARVED),
    ),
    Scene("outages that both arms share, lists of 8", _OUTAGES),
    Scene("outages that both arms share, lists of 64", _OUTAGES, mean_list=64),
    Scene("outages that both arms share, promoted: 98 %", _OUTAGES, mean_list=1, steps=((0.0, 9_800),)),
    Scene("a server that both arms are on is away", Manner(faulty=0.01, gone=Span(1.0, 3.0, 12.0))),
    Scene(
        "a server that both arms are on is away, promoted: 90 %",
        Manner(faulty=0.01, gone=Span(1.0, 3.0, 12.0)),
        steps=((0.0, 9_000),),
    ),
    Scene(
        "a server that both arms are on is away, lists of 1, 1,000/s at 1 %",
        _SHARED_SERVER,
        mean_list=1,
        rate=1_000.0,
        steps=((0.0, 100),),
    ),
    Scene(
        "a server that both arms are on is away, lists of 1, at 5 %", _SHARED_SERVER, mean_list=1, steps=((0.0, 500),)
    ),
    Scene("the feature store is away", _ROWS, store_away=Span(1.0, 1.0, 10.0)),
    Scene(
        "a shadow crashes beside the canary",
        _ROWS,
        Manner(faulty=0.03, nan=0.01, slow=_CROWDED),
        shadow=Manner(away=_CROWDED),
    ),
)
"""None of these may be rolled back in more than α of the runs."""

AWAY = (
    Scene("each arm is away for 0.3 s now and then, lists of 1", _AWAY, mean_list=1),
    Scene("each arm is away for 0.3 s now and then, lists of 8", _AWAY),
)
"""Alike, and yet a floor is there for such a canary: five runs that met a lane which scores nothing. No promise."""

_FINE = Manner(faulty=0.01)

GUILTY = (
    Scene("three times the rows fail, 2 % to 6 %", Manner(faulty=0.02), Manner(faulty=0.06), rows_worse=True),
    Scene("ten times the rows fail, 1 % to 10 %", _FINE, Manner(faulty=0.1), rows_worse=True),
    Scene(
        "promoted, one row in eight fails, lists of 64",
        _FINE,
        Manner(faulty=0.125),
        mean_list=64,
        steps=((0.0, 9_000),),
        rows_worse=True,
    ),
    Scene("one score in ten is NaN", _FINE, Manner(faulty=0.01, nan=0.1), rows_worse=True),
    Scene("every run fails", _FINE, Manner(away=Span(1.0, 1.0, 1.0))),
    Scene("its server is gone", _FINE, Manner(faulty=0.01, gone=Span(1.0, 1.0, 1.0))),
    Scene(
        "promoted, its server is gone",
        _FINE,
        Manner(faulty=0.01, gone=Span(1.0, 1.0, 1.0)),
        steps=((0.0, 9_000),),
    ),
    Scene("one run in ten fails for no reason", _FINE, Manner(faulty=0.01, flaky=0.1)),
    Scene("runs take 1.5 times as long", _FINE, Manner(faulty=0.01, run=0.00075, row=0.000045)),
    Scene("runs take twice as long", _FINE, Manner(faulty=0.01, run=0.001, row=0.00006)),
    Scene("one run in twenty takes fifty times as long", _FINE, Manner(faulty=0.01, stall=0.05)),
    Scene("every score is the same", _FINE, Manner(constant=True)),
    Scene("its host dies every ten seconds", _FINE, Manner(faulty=0.01, dead=Span(1.0, 0.3, 10.0))),
)
"""Each of these is to be found."""
