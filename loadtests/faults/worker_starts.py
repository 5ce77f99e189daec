"""How often a gateway's workers became ready, read from its own metrics page."""

import re

from loadtests.faults.metrics_page import metrics_text

_STARTS = re.compile(r"^sluice_worker_starts_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


def worker_starts(metrics: tuple[str, int]) -> float:
    """Return the sum over all slots; raises OSError when nobody answers."""
    return sum(float(found) for found in _STARTS.findall(metrics_text(metrics)))
