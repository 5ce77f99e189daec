"""The parts of the control plane that its leader and its desk share, put together by whoever starts them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from routing.control.errors import NotFound
from routing.control.feed import Feed
from routing.control.notes import Notes
from routing.control.principals import Principal
from routing.control.store import Store
from routing.declared import Declared


@dataclass(frozen=True, slots=True)
class Known:
    """What files say: who may sign, and what each deployment declares of rollouts, by name."""

    principals: Mapping[str, Principal]
    declared: Mapping[str, Declared]
    rules: Mapping[str, str] = field(default_factory=dict)
    """The digests of what is declared, as gateways report theirs: by deployment."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """The same of the policies; of a deployment that is not named here nothing is known."""

    def of(self, deployment: str) -> Declared:
        """Return what a deployment declares. Raises `NotFound`."""
        try:
            return self.declared[deployment]
        except KeyError as exc:
            known = ", ".join(sorted(self.declared)) or "none"
            raise NotFound(f"no deployment is called {deployment!r:.80}; known are {known}") from exc


@dataclass(frozen=True, slots=True)
class Plane:
    """One control plane. `known` returns what the files say now; `clock` reads unix seconds, as windows do."""

    store: Store
    feed: Feed
    notes: Notes
    known: Callable[[], Known]
    clock: Callable[[], float]
