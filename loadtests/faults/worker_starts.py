"""How often a gateway's workers became ready, read from its own metrics page."""

import http.client
import re

_STARTS = re.compile(r"^sluice_worker_starts_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


def worker_starts(metrics: tuple[str, int]) -> float:
    """Return the sum over all slots; raises OSError when nobody answers."""
    connection = http.client.HTTPConnection(*metrics, timeout=2.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return sum(float(found) for found in _STARTS.findall(text))
