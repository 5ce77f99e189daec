"""What is demanded of every measure, and the verdict on a value: the one place where the numbers stand."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What must be and what is aimed at. `less` is true where less is better."""

    must: float
    aim: float | None = None
    less: bool = False

    def verdict(self, value: float | None) -> str:
        """Say how far a value got; no value reaches nothing."""
        if value is None:
            return "no value"
        if self.aim is not None and self._reached(value, self.aim):
            return "aim reached"
        if self._reached(value, self.must):
            return "must reached"
        return "short"

    def share(self, value: float) -> float:
        """Return the value as a multiple of what must be: above 1 is better, whichever way it counts."""
        return self.must / value if self.less else value / self.must

    def _reached(self, value: float, wanted: float) -> bool:
        return value <= wanted if self.less else value >= wanted


GOALS = {
    "grpc-16": Goal(12_000, 20_000),
    "grpc-16-p99": Goal(3.0, less=True),
    "grpc-64": Goal(14_000, 24_000),
    "tls": Goal(0.85, 0.95),
    "alone": Goal(0.5, 0.25, less=True),
    "peer-triton": Goal(1.0, 1.5),
    "peer-best-python": Goal(5.0, 9.0),
    "peer-fastapi_feast": Goal(12.0, 25.0),
    "triton-front-passed": Goal(0.8, 1.0),
    "triton-front-passed-p50": Goal(0.35, less=True),
    "triton-front-lists": Goal(0.8, 1.0),
    "triton-front-lists-p50": Goal(0.35, less=True),
    "grpc-aio": Goal(2_500, 4_000),
    "http-16": Goal(13_000, 22_000),
    "feature-read": Goal(8.0, 15.0),
    "many-256": Goal(25_000, 45_000),
    "memory": Goal(200.0, 120.0, less=True),
    "memory-growth": Goal(5.0, less=True),  # "flat": a few MB in ten minutes are noise of the allocator
    "start": Goal(2.0, 1.0, less=True),
    "open-70-p99": Goal(5.0, 2.0, less=True),
}
"""By the finding's name. What is not here is reported without a demand."""
