"""Approvals: a person's word for one step of one rollout, bound to what was looked at when it was given."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from routing.control.principals import Principal
from routing.control.signed import Asked, NoOrder, NotAllowed, Signed, check
from routing.rollout import Rollout


class Approvals(Protocol):
    """Where they are kept, whole, as they were signed. Every method raises `ControlError`."""

    async def approve(self, rollout: str, signed: Signed) -> None:
        """Keep a principal's approval, in place of an earlier one of his."""

    async def approvals(self, rollout: str) -> list[Signed]:
        """Return everybody's, by name; none of them is checked."""


def approve(signed: Signed, principals: Mapping[str, Principal], rollout: Rollout, now: float) -> Asked:
    """Return the approval, if it is one of this rollout's next step. Raises `NotAllowed`."""
    asked = check(signed, principals, now)
    if asked.deed != "approve" or (asked.deployment, asked.rollout) != (rollout.deployment, rollout.name):
        raise NotAllowed(f"this is no approval of rollout {rollout.name} of {rollout.deployment}")
    if signed.principal == rollout.requested_by:
        raise NotAllowed(f"{signed.principal} has requested rollout {rollout.name}: somebody else has to approve it")
    if asked.step != rollout.at + 1:
        raise NotAllowed(f"this approves step {asked.step}, and step {rollout.at + 1} is next")
    if asked.digests != rollout.digests:
        raise NotAllowed("this approves another bundle, policy or report than the rollout is bound to")
    return asked


def approver(approvals: Iterable[Signed], principals: Mapping[str, Principal], rollout: Rollout, now: float) -> str:
    """Return who has approved the rollout's next step and still does; empty: nobody.

    Looked at again whenever it matters: an approval ends when it expires, and with the key of whoever gave it.
    """
    for signed in approvals:
        try:
            approve(signed, principals, rollout, now)
        except (NotAllowed, NoOrder):  # also one of a release that knows more than this one
            continue
        return signed.principal
    return ""
