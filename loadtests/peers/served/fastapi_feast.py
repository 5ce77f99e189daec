"""What people write by hand: FastAPI, the Feast SDK and ONNX Runtime, the whole job in one function."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

from loadtests.peers.fraud import FraudFiles, open_session


class Payment(BaseModel):
    """What a product service sends."""

    card_id: int
    store_id: int
    amount: float
    customer_present: bool
    time: float


class Scored(BaseModel):
    """What it gets."""

    score: float
    decision: str


class Scorer:
    """Features of one payment -> score and decision."""

    def __init__(self) -> None:
        fraud = FraudFiles()
        self._columns, self._defaults = fraud.columns, fraud.defaults
        self._transform, self._decide = fraud.transform, fraud.decide
        self._session = open_session()

    def __call__(self, payment: Payment, stored: Mapping[str, list[Any]]) -> Scored:
        """Complete the columns, run the model, decide."""
        values = {name: stored[name][0] for name in self._defaults}
        columns = {name: np.array([self._defaults[name] if value is None else value]) for name, value in values.items()}
        columns["amount"] = np.array([payment.amount])
        columns["customer_present"] = np.array([float(payment.customer_present)])
        columns["time"] = np.array([payment.time])
        columns |= self._transform(columns)
        matrix = np.column_stack([columns[name] for name in self._columns]).astype(np.float32)
        score = float(self._session.run(["score"], {"features": matrix})[0][0, 0])
        return Scored(score=score, decision=self._decide(score))


def application(store: FeatureStore, way: str) -> FastAPI:
    """Build the application; `way` is how the SDK is called: sync, thread or async."""
    app = FastAPI()
    service = store.get_feature_service("fraud")
    score = Scorer()

    def entities(payment: Payment) -> list[dict[str, int]]:
        return [{"card_id": payment.card_id, "store_id": payment.store_id}]

    def in_thread(payment: Payment) -> Scored:
        return score(payment, store.get_online_features(service, entities(payment)).to_dict())

    async def on_the_loop(payment: Payment) -> Scored:
        return in_thread(payment)

    async def awaited(payment: Payment) -> Scored:
        return score(payment, (await store.get_online_features_async(service, entities(payment))).to_dict())

    app.post("/predict")({"thread": in_thread, "sync": on_the_loop, "async": awaited}[way])
    app.get("/healthz")(lambda: {"status": "ok"})
    return app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repo", type=Path, required=True, help="the folder of feature_store.yaml")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--way", choices=("sync", "thread", "async"), default="sync")
    options = parser.parse_args()
    app = application(FeatureStore(repo_path=str(options.repo)), options.way)
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
