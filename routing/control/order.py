"""An order that was checked: what is asked, by whom, and when it came."""

from dataclasses import dataclass

from routing.control.principals import Principal
from routing.control.signed import Asked, Signed


@dataclass(frozen=True, slots=True)
class Order:
    """`at` is when it came, in unix seconds."""

    asked: Asked
    signed: Signed
    principal: Principal
    at: float

    @property
    def by(self) -> str:
        """Who has signed it."""
        return self.principal.name
