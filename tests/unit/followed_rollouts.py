"""A rollout of fraud at some of its moments, and what a gateway serves before it."""

from dataclasses import replace

from gateway.served import Served
from routing.declared import read_rollout
from routing.rollout import Rollout, State
from routing.table import Table

DECLARATION = """
deployment: fraud
unit: {entity: card_id}
clock: wall
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1", shadows: [{version: "7", rate: 0.5}], fallback: "8"}
"""
DIGESTS = {"1": "a", "7": "s", "8": "f"}
CURRENT = Served(DECLARATION, Table("fraud", 4, "1", b"s"), DIGESTS)
ROLLOUT = Rollout(
    name="r",
    deployment="fraud",
    champion="1",
    candidate="2",
    schedule=read_rollout({}).schedule,
    salt=b"salt",
    requested_by="ada",
    table=5,
    begun=0.0,
    since=0.0,
    digests={"bundle": "b", "champion": "a", "report": "none"},
)
CANARY = replace(ROLLOUT, state=State.CANARY, at=1, table=7)
