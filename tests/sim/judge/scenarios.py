"""What is played: innocent canaries in every kind of traffic, and guilty ones by size, rate and weight."""

from tests.sim.judge.traffic import Traffic, bursty, daily

RAMP = ((0.0, 100), (450.0, 500), (900.0, 2_000), (1_350.0, 5_000))
UNITS = 33_000

INNOCENT = (
    Traffic("constant"),
    Traffic("constant, errors 0.1 %", champion=0.001, canary=0.001),
    Traffic("constant, errors 20 %", champion=0.2, canary=0.2),
    Traffic("bursts", shape=bursty),
    Traffic("daily cycle", shape=daily),
    Traffic("ramping weights", steps=RAMP),
    Traffic("promoted: 90 % then 98 %", steps=((0.0, 5_000), (600.0, 9_000), (1_200.0, 9_800))),
    Traffic("sticky units that repeat their errors", units=UNITS, sticky=True),
    Traffic("sticky units, ramping weights", units=UNITS, sticky=True, steps=RAMP),
    Traffic("a few units make most of the traffic", units=UNITS, pareto=True, sticky=True, steps=RAMP),
    Traffic("outages that both arms share", outages=True),
    Traffic(
        "outages, bursts, sticky units, ramping weights",
        RAMP[-1][0] + 450,
        200.0,
        bursty,
        RAMP,
        UNITS,
        sticky=True,
        outages=True,
    ),
    Traffic("sticky units, canary five times better", units=UNITS, sticky=True, champion=0.05, canary=0.01),
    Traffic("as much worse as is tolerated", champion=0.04, canary=0.05),
)
"""None of these may be rolled back in more than α of the runs."""

GUILTY = tuple(
    Traffic(
        f"{rate:g}/s, {weight / 100:g} %, x{times}",
        rate=rate,
        steps=((0.0, weight),),
        champion=0.002,
        canary=0.002 * times,
    )
    for rate in (50.0, 200.0, 1_000.0)
    for weight in (100, 500, 2_000)
    for times in (3, 10, 25)
)
"""Errors of 0.2 % that grow threefold, tenfold and 25 times."""
