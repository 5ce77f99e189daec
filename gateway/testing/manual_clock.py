"""A clock that moves when it is told to."""


class ManualClock:
    """Call it for the time in seconds; `advance` moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the current reading."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.now += seconds
