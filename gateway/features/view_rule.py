"""What a deployment declares of one feature view: whether it may be left out, and how old a value it tolerates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ViewRule:
    """Times are in seconds; 0 means not at all."""

    optional: bool = False
    """May be skipped when what is left of the budget does not suffice to read it."""
    cache: float = 0.0
    """How long a value that was read serves the next reads of the same entity, so that a hot one is not read again."""
    last_known: float = 0.0
    """How long a value that was read stands in, with its true age, when the feature store does not answer."""

    def __post_init__(self) -> None:
        if not 0 <= self.cache <= 3600:
            raise ValueError(f"cache_ms is {self.cache * 1000:g}; it lies between 0 and 3600000")
        if not 0 <= self.last_known <= 30 * 86400:
            raise ValueError(f"last_known_s is {self.last_known:g}; it lies between 0 and 2592000")


NO_RULE = ViewRule()
