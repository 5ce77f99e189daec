"""How many calls an arm was given so far, by the gateway's own metrics."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def arm_calls(metrics: tuple[str, int], arm: str) -> float:
    """Return the calls of an arm, however they ended."""
    host, port = metrics
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10.0) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = (sample for family in families for sample in family.samples)
    return sum(one.value for one in samples if one.name == "sluice_calls_total" and one.labels["arm"] == arm)
