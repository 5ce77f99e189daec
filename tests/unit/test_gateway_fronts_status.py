"""Every error of the gateway stands in both tables."""

from collections.abc import Iterator

import pytest

from gateway.errors import GatewayError
from gateway.fronts.status import GRPC_STATUS, HTTP_STATUS


def tree(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


OURS = [kind for kind in tree(GatewayError) if kind.__module__.startswith("gateway.")]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_on_both_fronts(kind: type[GatewayError]) -> None:
    assert kind in GRPC_STATUS
    assert kind in HTTP_STATUS


def test_the_tables_hold_nothing_else() -> None:
    assert set(GRPC_STATUS) == set(HTTP_STATUS) == set(OURS)


def test_caller_faults_and_ours_are_told_apart() -> None:
    assert {kind.code for kind in OURS if HTTP_STATUS[kind] < 500} == {
        "INVALID_REQUEST",
        "REQUEST_TOO_LARGE",
        "DEPLOYMENT_NOT_FOUND",
        "OVERLOADED",
        "FEATURES_MISSING",
        "RESULT_NOT_FOUND",
    }
