"""JSON bodies that are wrong in ways of their own."""

import pytest

from gateway.errors import InvalidRequest
from gateway.fronts.json_wire import read_predict, read_predict_many

DEPTHS = [1_000, 200_000]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_rows_that_are_nested_too_deeply_are_refused(depth: int, opening: bytes) -> None:
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        read_predict_many(b'{"rows":[' + opening * depth)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("part", [b"", b'{"entities":', b'{"features":{"a":', b'{"request_id":', b'{"b":'])
def test_one_row_that_is_nested_deeply_is_refused(depth: int, part: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_predict(part + b"[" * depth)
