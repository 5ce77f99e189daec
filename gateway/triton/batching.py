"""Whether a model on Triton is declared to make batches of requests, and how large: what it may join, we may."""

from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

APART = 1
"""Requests are not joined."""


def rows_joined(answer: pb.ModelConfigResponse) -> int:
    """Return how many rows requests of one model may have when they are joined, by its configuration.

    The first extent of every tensor is that of the batch where `max_batch_size` is above zero, and `dynamic_batching`
    says that requests may be joined (github.com/triton-inference-server/server, docs/user_guide/model_configuration.md,
    "Maximum Batch Size" and "Dynamic Batcher"). Sequences, ragged batches and answers in parts are left alone.
    """
    config = answer.config
    odd = (
        any(one.allow_ragged_batch or one.is_shape_tensor for one in config.input)
        or config.batch_input
        or config.batch_output
    )
    apart = odd or config.model_transaction_policy.decoupled or not config.HasField("dynamic_batching")
    return APART if apart else max(APART, config.max_batch_size)


class Known:
    """What is known of the replicas of a model."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self.most_rows = APART
        """Rows that any of them takes in one request that was joined of several."""

    def learn(self, address: str, rows: int) -> None:
        """Take in how many one replica takes."""
        self._rows[address] = rows
        self.most_rows = min(self._rows.values())
