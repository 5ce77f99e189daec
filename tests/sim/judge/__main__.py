"""`python -m tests.sim.judge`: how often innocent canaries are rolled back, and how soon guilty ones.

On event streams by the twin of the shipped arithmetic (`tests/sim/test_routing_judge.py` shows the two equal), and
through the real line with scripted backends, in virtual time (`tests/sim/line`). Seeds are fixed: run i has seed i. The
judge looks after every flush, twice a second. Exit status 1 when a promise breaks: when the lower bound (99 %,
Clopper-Pearson) of a share of innocent canaries that were rolled back exceeds α, or a guilty one is not found.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from routing.guard import ALPHA
from tests.sim.judge.charts import draw_delays, draw_false_rollbacks
from tests.sim.judge.figures import Figures, broken_promise, figures_of, line_of
from tests.sim.judge.page import page_of
from tests.sim.judge.plan import Sizes, parts_of
from tests.sim.judge.work import play_all

JSON, PAGE, FALSE_ROLLBACKS, DELAYS = "judge.json", "judge.md", "false-rollbacks.svg", "delays.svg"
RESULTS = Path("tests/sim/results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play everything; return the exit status."""
    options = _options(arguments)
    if options.publish:
        return publish(options.out)
    sizes = Sizes(options.runs, options.line_runs, options.guilty_line_runs, options.guilty_runs)
    parts = parts_of(sizes, options.only)
    began, found = time.monotonic(), []
    for done in play_all(parts, options.processes):
        found.append(figures_of(done))
        print(line_of(found[-1]), flush=True)
    broken = [promise for one in found if (promise := broken_promise(one))]
    whole = sizes == Sizes() and not options.only
    places = {(part.kind, part.subject.name): place for place, part in enumerate(parts)}
    ordered = sorted(found, key=lambda one: places[one["kind"], one["name"]])
    write(options.out, {"alpha": ALPHA, "whole": whole, "broken": broken, "found": ordered})
    print(f"\n{len(found)} scenarios in {(time.monotonic() - began) / 60:.1f} min, written to {options.out}")
    print("\n".join(["BROKEN:", *broken]) if broken else f"every promise kept, α = {ALPHA:g}")
    return 1 if broken else 0


def write(out: Path, document: Figures) -> None:
    """Write the figures and, where everything was played, what is made of them."""
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_text(json.dumps(document, indent=1, ensure_ascii=False))
    if document["whole"]:
        (out / PAGE).write_text(page_of(document["found"]))
        (out / FALSE_ROLLBACKS).write_text(draw_false_rollbacks(document["found"]))
        (out / DELAYS).write_text(draw_delays(document["found"]))


def publish(out: Path, results: Path = RESULTS) -> int:
    """Write what the README shows into the repository: of one whole simulation, never of a part of one."""
    written = out / JSON
    document = json.loads(written.read_text()) if written.exists() else {"whole": False}
    if not document["whole"]:
        print(f"{out} holds no whole simulation: run `make sim` without --only, --runs and the like", file=sys.stderr)
        return 2
    write(results, document)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    whole = Sizes()
    parser = argparse.ArgumentParser(prog="python -m tests.sim.judge", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=whole.stream, help=f"runs of each innocent event stream [{whole.stream}]")
    add("--line-runs", type=int, default=whole.line, help=f"the same through the real line [{whole.line}]")
    add("--guilty-runs", type=int, default=whole.cell, help=f"runs of each entry of the tables [{whole.cell}]")
    add("--guilty-line-runs", type=int, default=whole.guilty_line, help=f"through the line [{whole.guilty_line}]")
    add("--only", default="", help="what `kind: name` holds this")
    add("--processes", type=int, default=None, help="side by side [one a processor]")
    add("--out", type=Path, default=Path(".sluice/sim"), help="where figures and pictures go [.sluice/sim]")
    add("--publish", action="store_true", help=f"write the last whole simulation to {RESULTS}, and play nothing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
