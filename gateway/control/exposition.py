"""The control process's metrics for Prometheus: made anew from how every deployment stands, whenever they are read."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from protos.sluice.v1.rollouts_pb2 import DeploymentState, Overview

CONTENT_TYPE = CONTENT_TYPE_LATEST


def expose(overview: Overview) -> bytes:
    """Return them in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(overview))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterable[Metric]:
        overview = self._overview
        led = GaugeMetricFamily("sluice_control_led", "1 while somebody leads: else nothing is judged")
        led.add_metric([], float(bool(overview.leader)))
        yield led
        frozen = _gauge("frozen", "1 while something keeps rollouts from going forward")
        for one in overview.deployments:
            frozen.add_metric([one.deployment], float(bool(one.frozen)))
        yield frozen
        yield from _rollouts([one for one in overview.deployments if one.HasField("rollout")])


def _rollouts(deployments: Iterable[DeploymentState]) -> Iterator[Metric]:
    state = _gauge("state", "1 for the state of a deployment's last rollout", "rollout", "candidate", "state")
    weight = _gauge("weight", "The candidate's share of units, 0 to 1")
    proof = _gauge("proof", "Evidence that a promotion does no harm")
    proof_enough = _gauge("proof_enough", "The evidence at which that is shown")
    evidence = _gauge("evidence", "Evidence against the candidate, by guard", "guard", "dry_run")
    enough = _gauge("evidence_enough", "The evidence at which a guard has found what it looks for", "guard")
    for one in deployments:
        name, rollout = one.deployment, one.rollout
        state.add_metric([name, rollout.name, rollout.candidate, rollout.state], 1.0)
        weight.add_metric([name], rollout.weight)
        if rollout.HasField("verdict"):
            proof.add_metric([name], rollout.proof)
            proof_enough.add_metric([name], rollout.proof_enough)
        for guard in rollout.guards:
            evidence.add_metric([name, guard.guard, str(guard.dry_run).lower()], guard.evidence)
            enough.add_metric([name, guard.guard], guard.enough)
    yield from (state, weight, proof, proof_enough, evidence, enough)


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sluice_rollout_{name}", about, labels=["deployment", *labels])
