"""What somebody asks of a rollout, signed with his own key: an order is for one rollout, one deed and a short while.

Signed are the very bytes that are sent, so nothing has to be put into a canonical form to be checked.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from routing.control.errors import ControlError
from routing.control.principals import Principal, Role

LONGEST = 3600.0 * 24 * 7
"""Seconds that an order may be valid for."""
AHEAD = 30.0
"""Seconds by which the clock of whoever signs may be ahead of ours."""

LONGEST_ORDER = 64 * 1024
"""Bytes of an order."""

Deed = Literal[
    "start",
    "approve",
    "abort",
    "undo",
    "freeze",
    "thaw",
    "stop_all",
    "kill",
    "list",
    "watch",
    "history",
    "explain",
    "replay",
]
_NEEDS: Mapping[str, Role] = {
    "start": Role.REQUEST,
    "approve": Role.APPROVE,
    "abort": Role.OPERATE,
    "undo": Role.OPERATE,
    "freeze": Role.OPERATE,
    "thaw": Role.OPERATE,
    "stop_all": Role.OPERATE,
    "kill": Role.OPERATE,
}
"""Whoever has any role may look: the deeds that are not named here change nothing."""

Name = Annotated[str, msgspec.Meta(max_length=128)]
Version = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^([A-Za-z0-9][A-Za-z0-9._+-]*)?$")]
"""Of a bundle: it becomes the name of a directory."""
Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class NoOrder(ControlError):
    """The bytes are no order at all; the message says what is wrong with them."""


class NotAllowed(ControlError):
    """The order is not heeded; the message says why, and to whom the signer may turn."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order. `at` and `expires` are unix seconds; `rollout` is a name, empty where there is none yet."""

    deed: Deed
    deployment: Name
    """Empty for all of them: `stop_all`, and where that is meant `freeze`, `thaw`, `list` and `watch`."""
    rollout: Name
    """`approve`: the rollout; `explain`, `replay`: which one, empty for the last."""
    at: float
    expires: float
    nonce: Name = ""
    """Anything fresh: an order is heeded once, and this makes two that are otherwise alike two."""
    reason: Text = ""
    candidate: Version = ""
    """`start`: the version of the bundle that wants to be champion."""
    step: int = 0
    """`approve`: the index of the step that may be entered."""
    until: float = 0.0
    """`freeze`: when it ends by itself, in unix seconds; 0: not before it is taken back."""
    count: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """`history`: how many events at most; 0: as many as usual."""
    rules: Annotated[str, msgspec.Meta(max_length=16_384)] = ""
    """`replay`: the YAML text of another `rollout` section to judge by; empty: the one that is declared."""
    entities: bool = False
    """`list` and `watch`: whether it is said on which entities the bundles differ most. They are customers."""
    digests: dict[str, str] = {}
    """`start`: the candidate's, as `bundle`. `approve`: all of what the rollout is bound to."""

    @property
    def why(self) -> str:
        """The reason on one line, for it will stand in notes and logs among other lines."""
        return " ".join(self.reason.split())


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bytes of an `Asked`, who has signed them, and his signature."""

    principal: str
    order: bytes
    signature: bytes


class SeenOrders(Protocol):
    """Remembers which orders were heeded, so that none is twice. Raises `ControlError`."""

    async def first_time(self, order: str, seconds: float) -> bool:
        """Whether this order comes for the first time; it is remembered for so many seconds from then on."""


def sign(principal: str, key: Ed25519PrivateKey, asked: Asked) -> Signed:
    """Sign an order in a principal's name."""
    order = msgspec.json.encode(asked)
    return Signed(principal, order, key.sign(_meant(principal, order)))


def check(signed: Signed, principals: Mapping[str, Principal], now: float) -> Asked:
    """Return the order, if it was signed by somebody who may give it, and is valid now.

    Raises `NotAllowed`, and `NoOrder` for bytes that were signed and are none.
    """
    principal = principals.get(signed.principal)
    if principal is None:
        raise NotAllowed(f"nobody is called {signed.principal!r:.60} in principals.yaml")
    try:
        principal.key.verify(signed.signature, _meant(signed.principal, signed.order))
    except InvalidSignature as exc:
        who = f"{principal.name} that this control plane's principals.yaml names"
        raise NotAllowed(f"this was not signed with the key of {who}") from exc
    asked = _read(signed.order)
    needed = _NEEDS.get(asked.deed)
    if needed is not None and needed not in principal.roles:
        raise NotAllowed(f"{principal.name} may not {asked.deed}: that takes the role {needed}")
    if not asked.at - AHEAD <= now < asked.expires <= asked.at + LONGEST:
        raise NotAllowed(f"this order of {principal.name} has expired, or is not valid yet: sign it anew")
    return asked


async def heed_once(seen: SeenOrders, signed: Signed, asked: Asked, now: float) -> None:
    """Raise `NotAllowed` if the order was heeded before. One that only looks may come again while it is valid."""
    if looks_only(asked):
        return
    # By what was signed, not by the signature; and some time longer than it is valid, for clocks that differ.
    order = sha256(_meant(signed.principal, signed.order)).hexdigest()
    if not await seen.first_time(order, asked.expires - now + 2 * AHEAD):
        raise NotAllowed(f"this order of {signed.principal} was heeded before: sign another one")


def looks_only(asked: Asked) -> bool:
    """Whether an order changes nothing, so that it does no harm when it comes again."""
    return asked.deed not in _NEEDS


def _read(order: bytes) -> Asked:
    if len(order) > LONGEST_ORDER:
        raise NoOrder(f"an order has at most {LONGEST_ORDER} bytes, and this has {len(order)}")
    try:
        return msgspec.json.decode(order, type=Asked)
    except msgspec.DecodeError as exc:
        raise NoOrder(f"this is no order: {exc}") from exc


def _meant(principal: str, order: bytes) -> bytes:
    """What is signed says what it is for: no signature of anything else can be taken for one."""
    return b"sluice order v1\0" + principal.encode() + b"\0" + order
