"""The typed Python client: ask a deployment for a prediction, in a line.

    from gateway.client import SluiceClient

    with SluiceClient("127.0.0.1:50051") as sluice:
        prediction = sluice.predict("fraud", {"card_id": 1, "store_id": 2}, {"amount": 100.0, "customer_present": True})
        print(prediction.decision, prediction.outputs["score"])

`AsyncSluiceClient` is the same with `await`. Both speak TLS when given `tls=Tls("ca.pem")`. Every refusal is a
`SluiceError` that says whether to try again.
"""

from gateway.client.aio import AsyncSluiceClient
from gateway.client.errors import (
    AnswersUnavailable,
    BackendUnavailable,
    DeadlineExceeded,
    DeploymentNotFound,
    FeaturesMissing,
    FeaturesUnavailable,
    InvalidRequest,
    Overloaded,
    PredictionFailed,
    QueueUnavailable,
    RequestTooLarge,
    ResultNotFound,
    SluiceError,
    Unreachable,
)
from gateway.client.sync import SluiceClient
from gateway.client.tls import Tls
from gateway.client.values import Arm, Deployment, Field, Prediction, Predictions, Row, RowError, Submitted, Timings

__all__ = [
    "AnswersUnavailable",
    "Arm",
    "AsyncSluiceClient",
    "BackendUnavailable",
    "DeadlineExceeded",
    "Deployment",
    "DeploymentNotFound",
    "FeaturesMissing",
    "FeaturesUnavailable",
    "Field",
    "InvalidRequest",
    "Overloaded",
    "Prediction",
    "PredictionFailed",
    "Predictions",
    "QueueUnavailable",
    "RequestTooLarge",
    "ResultNotFound",
    "Row",
    "RowError",
    "SluiceClient",
    "SluiceError",
    "Submitted",
    "Timings",
    "Tls",
    "Unreachable",
]
