"""Innocent canaries in every kind of traffic, drawn as events."""

from tests.sim.judge.traffic import Traffic, bursty, daily

RAMP = ((0.0, 100), (450.0, 500), (900.0, 2_000), (1_350.0, 5_000))
UNITS = 33_000
STICKY_RATE = 60.0
"""Calls a second where units come again: every one of them is drawn."""


def _sticky(
    name: str,
    steps: tuple[tuple[float, int], ...] = RAMP,
    champion: float = 0.01,
    canary: float = 0.01,
    pareto: bool = False,
) -> Traffic:
    return Traffic(
        name,
        rate=STICKY_RATE,
        steps=steps,
        units=UNITS,
        pareto=pareto,
        champion=champion,
        canary=canary,
        sticky=True,
    )


INNOCENT = (
    Traffic("constant"),
    Traffic("constant, errors 0.1 %", champion=0.001, canary=0.001),
    Traffic("constant, errors 20 %", champion=0.2, canary=0.2),
    Traffic("bursts", shape=bursty),
    Traffic("daily cycle", shape=daily),
    Traffic("ramping weights", steps=RAMP),
    Traffic("promoted: 90 % then 98 %", steps=((0.0, 5_000), (600.0, 9_000), (1_200.0, 9_800))),
    _sticky("sticky units that repeat their errors", ((0.0, 500),)),
    _sticky("sticky units, ramping weights"),
    _sticky("a few units make most of the traffic", pareto=True),
    Traffic("outages that both arms share", outages=True),
    Traffic(
        "outages, bursts, sticky units, ramping weights",
        rate=STICKY_RATE,
        shape=bursty,
        steps=RAMP,
        units=UNITS,
        sticky=True,
        outages=True,
    ),
    _sticky("sticky units, canary five times better", ((0.0, 500),), champion=0.05),
    Traffic("as much worse as is tolerated", champion=0.04, canary=0.05),
)
"""None of these may be rolled back in more than α of the runs. One guard has all of α, which is the hardest case."""

GUILTY = (_sticky("sticky units, canary three times worse", canary=0.03),)
"""To be found; with their units' repeated errors they have fewer events than calls."""
