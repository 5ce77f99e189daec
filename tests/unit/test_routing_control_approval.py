"""Approvals that are kept: what nobody can read is nobody's, and keeps nothing else from being judged."""

from routing.control.approval import approver
from routing.control.signed import Signed
from tests.unit.test_routing_rollout import begun


def test_an_approval_that_cannot_be_read_is_none() -> None:
    assert approver([Signed("ben", b'{"deed": "approve", "of": "a later release"}', b"")], {}, begun(), 0.0) == ""
