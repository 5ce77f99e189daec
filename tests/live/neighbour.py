"""A well-behaved client beside an attack: it asks over both protocols, and keeps the ledger of what it was told."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self

import httpx

from gateway.client import SluiceClient, SluiceError
from gateway.client.errors import Overloaded
from tests.live.running_gateway import Running

ENTITIES: dict[str, int | str] = {"card_id": 32261, "store_id": 8516}
FEATURES: dict[str, Any] = {"amount": 24900, "customer_present": True}
PATIENCE = 5.0


class Neighbour:
    """Asks while the block lasts; `ledger` counts, `times` holds the seconds of every answer."""

    def __init__(self, gateway: Running, timeout: float) -> None:
        self._gateway = gateway
        self._timeout = timeout
        self._over = threading.Event()
        self._threads = [threading.Thread(target=ask) for ask in (self._over_grpc, self._over_http)]
        self.ledger: Counter[str] = Counter()
        self.times: list[float] = []
        self.wrong: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def story(self) -> str:
        """The ledger in one line, with the times of what was answered."""
        times = sorted(self.times) or [0.0]
        p99 = times[int(0.99 * len(times))]
        names = ("sent", "answered", "degraded", "refused", "failed")
        counted = ", ".join(f"{name} {self.ledger[name]}" for name in names)
        return f"{counted}; p99 {1e3 * p99:.1f} ms, slowest {1e3 * times[-1]:.1f} ms {Counter(self.wrong) or ''}"

    def _over_grpc(self) -> None:
        with SluiceClient(self._gateway.grpc) as client:
            while not self._over.is_set():
                began = self._began()
                try:
                    prediction = client.predict("fraud", ENTITIES, FEATURES, timeout=self._timeout)
                except SluiceError as exc:
                    self._count("refused" if isinstance(exc, Overloaded) else "failed", f"gRPC: {exc!r}")
                else:
                    self._answered(began, degraded=prediction.degraded)

    def _over_http(self) -> None:
        url = f"{self._gateway.http}/v1/deployments/fraud:predict"
        headers = {"sluice-timeout-ms": str(int(1e3 * self._timeout))}
        with httpx.Client(timeout=PATIENCE + self._timeout, headers=headers) as client:
            while not self._over.is_set():
                began = self._began()
                try:
                    answer = client.post(url, json={"entities": ENTITIES, "features": FEATURES})
                except httpx.HTTPError as exc:
                    self._count("failed", f"HTTP: {exc!r}")
                    continue
                if answer.status_code != 200:
                    refused = answer.status_code == 429 or (answer.status_code == 503 and not answer.content)
                    self._count("refused" if refused else "failed", f"HTTP: {answer.text}")
                else:
                    self._answered(began, degraded=answer.json()["prediction"]["degraded"])

    def _began(self) -> float:
        self._over.wait(0.002)
        self.ledger["sent"] += 1
        return time.monotonic()

    def _answered(self, began: float, *, degraded: bool) -> None:
        self.times.append(time.monotonic() - began)
        self.ledger["degraded" if degraded else "answered"] += 1

    def _count(self, word: str, why: str) -> None:
        self.ledger[word] += 1
        self.wrong.append(why)
