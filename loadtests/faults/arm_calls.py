"""How many calls an arm was given so far, by the gateway's own metrics."""

from prometheus_client.parser import text_string_to_metric_families

from loadtests.faults.metrics_page import metrics_text

PATIENCE = 10.0


def arm_calls(metrics: tuple[str, int], arm: str) -> float:
    """Return the calls of an arm, however they ended."""
    families = text_string_to_metric_families(metrics_text(metrics, PATIENCE))
    samples = (sample for family in families for sample in family.samples)
    return sum(one.value for one in samples if one.name == "sluice_calls_total" and one.labels["arm"] == arm)
