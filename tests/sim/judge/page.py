"""A page to read: who rolls innocent canaries back, how soon guilty ones are found, and what that cost."""

from collections.abc import Iterable, Sequence

from tests.sim.judge.figures import LEAST_FOUND, Figures
from tests.sim.judge.plan import (
    ERRORS_GROW,
    FLOORS,
    GUILTY_LINE,
    GUILTY_STREAM,
    LINE,
    PAIRS,
    SLOWER_PAIRS,
    STREAM,
    WATCHED_ERRORS,
)
from tests.sim.judge.power import BASE, HORIZON

_AN_HOUR = 3_600.0
_JUDGED = "| what | runs | Sluice | at least | thresholds | z-test |"
_GUILTY = "| what | runs | found | median | p90 | by | cleared |"
_LISTS = "| what | lists of | runs x calls | Sluice | at least | by |"


def page_of(found: Sequence[Figures]) -> str:
    """Return the page as Markdown."""
    return "\n".join(
        [
            "# The judge, simulated\n",
            "Made by `make sim`; run i has seed i. A share's lower bound is Clopper and Pearson's at 99 %. Times are",
            f"median / p90 after the onset, of runs that were not rolled back before; never: not within {_hours()}.\n",
            "## Innocent canaries that were rolled back\n",
            *_table(
                "| what | runs | Sluice | at least | thresholds | z-test |", map(_innocent, _of(found, STREAM, PAIRS))
            ),
            "\nThrough the real line, in virtual time:\n",
            *_table(_LISTS, map(_line, _of(found, LINE))),
            "\nThe same canary as the champion, but for that a floor is there; no promise:\n",
            *_table(_LISTS, map(_line, _of(found, FLOORS))),
            "\n## Guilty ones through the real line\n",
            "In the last column: how often it was shown, wrongly, that they are not worse by their rows.\n",
            *_table(_GUILTY, map(_guilty, _of(found, GUILTY_LINE, GUILTY_STREAM))),
            f"\n## Errors of {BASE:.1%} that grow\n",
            *_errors(_of(found, ERRORS_GROW)),
            f"\nThe smallest ratio that {LEAST_FOUND:.0%} of the runs found within {_hours()}; onset after an hour:\n",
            *_table("| calls/s | 1 % | 5 % | 20 % |", _smallest(_of(found, ERRORS_GROW))),
            "\n## The same after the promotion, with 10, 2 and 1 % of units held back\n",
            *_errors(_of(found, WATCHED_ERRORS)),
            "\n## Runs that take longer, seen in pairs\n",
            *_table("| what | Sluice | z-test |", map(_slower, _of(found, SLOWER_PAIRS))),
            "",
        ]
    )


def _of(found: Iterable[Figures], *kinds: str) -> list[Figures]:
    return [one for one in found if one["kind"] in kinds]


def _table(head: str, rows: Iterable[str]) -> list[str]:
    return [head, "|" + "---|" * (head.count("|") - 1), *rows]


def _innocent(one: Figures) -> str:
    rivals = " | ".join(f"{one[judge]:.1%}" if judge in one else "–" for judge in ("thresholds", "z_test"))
    return f"| {one['kind']}: {one['name']} | {one['runs']:,} | {one['share']:.2%} | {one['lower']:.2%} | {rivals} |"


def _line(one: Figures) -> str:
    size = f"{one['mean_list']} | {one['runs']} x {one['calls']:,}"
    return f"| {one['name']} | {size} | {one['share']:.1%} | {one['lower']:.2%} | {_by(one)} |"


def _guilty(one: Figures) -> str:
    times = f"{_time(one['median'])} | {_time(one['p90'])}"
    by, cleared = (_by(one), f"{one['cleared']:.0%}") if one["kind"] == GUILTY_LINE else ("row_faults", "–")
    return f"| {one['name']} | {one['runs']:,} | {one['share']:.0%} | {times} | {by} | {cleared} |"


def _by(one: Figures) -> str:
    return ", ".join(f"{guard} {times}" for guard, times in one["by"].items()) or "–"


def _errors(found: Sequence[Figures]) -> list[str]:
    head = "| onset | calls/s | weight | grow | Sluice | bad answers | events | thresholds | z-test |"
    rows = sorted(found, key=lambda one: (one["onset"], one["rate"], one["weight"], one["times"]))
    return _table(head, map(_error, rows))


def _error(one: Figures) -> str:
    cell = f"{one['onset'] / 3600:g} h | {one['rate']:,.0f} | {one['weight'] / 100:g} % | ×{one['times']:g}"
    cost = f"{one['suffered']:,.0f} | {one['events']:,.0f}"
    return f"| {cell} | {_delay(one['sluice'])} | {cost} | {_delay(one['thresholds'])} | {_delay(one['z_test'])} |"


def _slower(one: Figures) -> str:
    return f"| {one['name']} | {_delay(one['sluice'])} | {_delay(one['z_test'])} |"


def _smallest(found: Sequence[Figures]) -> list[str]:
    rows = [one for one in found if one["onset"] == _AN_HOUR]
    lines = []
    for rate in sorted({one["rate"] for one in rows}):
        cells = []
        for weight in sorted({one["weight"] for one in rows}):
            own = [one for one in rows if (one["rate"], one["weight"]) == (rate, weight)]
            enough = [one["times"] for one in own if one["sluice"]["found"] >= LEAST_FOUND]
            cells.append(f"×{min(enough):g}" if enough else "none")
        lines.append(f"| {rate:,.0f} | {' | '.join(cells)} |")
    return lines


def _delay(delay: Figures) -> str:
    text = f"{_time(delay['median'])} / {_time(delay['p90'])}"
    return f"{text} ({delay['early']:.0%} before)" if delay["early"] else text


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds:,.1f} s" if seconds < 100 else f"{seconds:,.0f} s"


def _hours() -> str:
    return f"{HORIZON / 3600:g} h"
