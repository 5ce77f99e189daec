"""What somebody asks of a rollout, signed with his own key: an order is for one rollout, one deed and a short while.

Signed are the very bytes that are sent, so nothing has to be put into a canonical form to be checked.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from routing.control.errors import ControlError
from routing.control.principals import Principal, Role

LONGEST = 3600.0 * 24 * 7
"""Seconds that an order may be valid for."""
AHEAD = 30.0
"""Seconds by which the clock of whoever signs may be ahead of ours."""

Deed = Literal["start", "approve", "abort", "undo", "freeze", "thaw"]
_NEEDS: Mapping[str, Role] = {
    "start": Role.REQUEST,
    "approve": Role.APPROVE,
    "abort": Role.OPERATE,
    "undo": Role.OPERATE,
    "freeze": Role.OPERATE,
    "thaw": Role.OPERATE,
}


class NotAllowed(ControlError):
    """The order is not heeded; the message says why, and to whom the signer may turn."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order. `at` and `expires` are unix seconds; `rollout` is a name, empty where there is none yet."""

    deed: Deed
    deployment: str
    rollout: str
    at: float
    expires: float
    reason: str = ""
    step: int = 0
    """`approve`: the index of the step that may be entered."""
    digests: dict[str, str] = {}
    """`start` and `approve`: what the rollout is bound to: bundle, policy, report."""


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bytes of an `Asked`, who has signed them, and his signature."""

    principal: str
    order: bytes
    signature: bytes


def sign(principal: str, key: Ed25519PrivateKey, asked: Asked) -> Signed:
    """Sign an order in a principal's name."""
    order = msgspec.json.encode(asked)
    return Signed(principal, order, key.sign(_meant(principal, order)))


def check(signed: Signed, principals: Mapping[str, Principal], now: float) -> Asked:
    """Return the order, if it was signed by somebody who may give it, and is valid now. Raises `NotAllowed`."""
    principal = principals.get(signed.principal)
    if principal is None:
        raise NotAllowed(f"nobody is called {signed.principal!r:.60} in principals.yaml")
    try:
        principal.key.verify(signed.signature, _meant(signed.principal, signed.order))
        asked = msgspec.json.decode(signed.order, type=Asked)
    except (InvalidSignature, msgspec.DecodeError) as exc:
        raise NotAllowed(f"this was not signed with the key of {principal.name}") from exc
    needed = _NEEDS[asked.deed]
    if needed not in principal.roles:
        raise NotAllowed(f"{principal.name} may not {asked.deed}: that takes the role {needed}")
    if not asked.at - AHEAD <= now < asked.expires <= asked.at + LONGEST:
        raise NotAllowed(f"this order of {principal.name} has expired, or is not valid yet: sign it anew")
    return asked


def _meant(principal: str, order: bytes) -> bytes:
    """What is signed says what it is for: no signature of anything else can be taken for one."""
    return b"sluice order v1\0" + principal.encode() + b"\0" + order
