"""A rollout in its third step, as the control plane tells of it; tests change what they are about."""

from protos.sluice.v1 import rollouts_pb2 as pb

NOON = 1_795_348_800.0  # 2026-11-22 12:00:00 UTC
STEPS = [
    pb.Step(stage="shadow", least_exposure=2_000, least_seconds=300),
    pb.Step(stage="canary", weight=0.01, least_exposure=500, least_seconds=300, approval=True),
    pb.Step(stage="canary", weight=0.05, least_exposure=2_000, least_seconds=600),
    pb.Step(stage="canary", weight=0.25, least_exposure=5_000, least_seconds=1_200, proof=True),
    pb.Step(stage="watched", weight=0.9, least_seconds=3_600),
    pb.Step(stage="watched", weight=0.98, least_seconds=82_800),
]
DIGESTS = {"bundle": "9f86d081884c7d65", "champion": "60303ae22b998861", "policy": "fd61a03af4f77d87", "report": "none"}


def canary() -> pb.RolloutState:
    """Return a rollout in its third step, ten minutes old, with evidence."""
    return pb.RolloutState(
        name="fraud-20261122-115000-3f2a",
        deployment="fraud",
        state="canary",
        reason="nothing was found against it in 500 units",
        champion="1",
        candidate="2",
        requested_by="ada",
        table=7,
        step=2,
        steps=STEPS,
        weight=0.05,
        settled=True,
        begun=NOON - 600,
        since=NOON - 240,
        digests=DIGESTS,
        verdict=pb.Verdict(outcome="cannot tell", reason="812 of 2,000 units of each arm"),
        guards=[
            pb.GuardEvidence(
                guard="row_faults",
                evidence=12.3,
                enough=500,
                text="canary 3 of 812 units (0.37%), champion 9 of 15,000",
            ),
            pb.GuardEvidence(guard="slower", evidence=0.4, enough=500, text="the canary was worse in 9 pairs"),
            pb.GuardEvidence(
                guard="flips", evidence=30, enough=float("inf"), dry_run=True, text="4 of 90 pairs differ"
            ),
        ],
        proof=4.1,
        proof_enough=20,
        expected_seconds=360,
    )


def deployment(rollout: pb.RolloutState | None = None) -> pb.DeploymentState:
    """Return the rollout with two gateways, of which one is behind."""
    gateways = [
        pb.Gateway(name="gw-1", table=7, at=NOON),
        pb.Gateway(name="gw-2", table=6, at=NOON - 1, trouble="bundle 2 is not there"),
    ]
    return pb.DeploymentState(deployment="fraud", rollout=rollout or canary(), gateways=gateways)


def overview(*deployments: pb.DeploymentState, at: float = NOON) -> pb.Overview:
    """Return them as one that control-1 leads."""
    return pb.Overview(deployments=deployments or [deployment()], leader="control-1", at=at)


def at_end(state: str, reason: str = "the last step is met") -> pb.RolloutState:
    """Return the rollout as it ended."""
    rollout = canary()
    rollout.state, rollout.reason, rollout.weight, rollout.step = state, reason, 0.0, 5 if state == "done" else 2
    return rollout


def events() -> list[pb.Event]:
    """Return how the rollout came where it is."""
    found = []
    for minutes, state, weight, by, reason in (
        (-10, "pending", 0.0, "ada", "retrained"),
        (-9, "shadowing", 0.0, "judge", "every worker has loaded and warmed the candidate"),
        (-4, "canary", 0.05, "grace", "approved by grace"),
    ):
        rollout = canary()
        rollout.state, rollout.weight, rollout.reason = state, weight, reason
        found.append(pb.Event(rollout=rollout, by=by, at=NOON + 60 * minutes))
    return found
