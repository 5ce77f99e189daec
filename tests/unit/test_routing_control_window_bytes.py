"""Windows as they travel: to the bit, small, and nonsense is refused."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.control.window_bytes import decode_window, encode_window
from routing.order import UNKNOWN, Settled
from routing.window import Window

CALLS = st.builds(
    Settled,
    st.floats(0, 2e9),
    st.integers(0, (1 << 64) - 1),
    st.booleans(),
    st.integers(0, 20),
    st.integers(0, 10_000),
    st.integers(0, 31) | st.just(UNKNOWN),
    st.integers(0, 3),
)


@given(st.lists(CALLS, max_size=30))
def test_calls_come_back_in_their_order_and_to_the_bit(calls: list[Settled]) -> None:
    window = Window("w", 1, 2.0, 1.0, 3, tuple(calls), 4)
    assert decode_window(encode_window(window)) == window


def test_a_call_takes_about_eight_bytes() -> None:
    rng = random.Random(1)
    lists = [(1_795_348_800.0 + 0.01 * at, rng.randrange(1, 20)) for at in range(50)]
    calls = [
        Settled(admitted, rng.getrandbits(50), rng.random() < 0.05, 2, 500, int(rng.random() < 0.01))
        for admitted, many in lists
        for _ in range(many)
    ]
    assert len(encode_window(Window("w", 1, 2.0, 1.0, 2, tuple(calls)))) < 10 * len(calls) + 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        encode_window(Window("w", 1, 2.0, 1.0))[:-5],
        zlib.compress(b"\x93\x01"),
        zlib.compress(bytes(100 << 20)),
        encode_window(Window("w", 1, float("inf"), 1.0)),
        encode_window(Window("w", 1, 2.0, float("nan"))),
        encode_window(Window("w", 1, 2.0, 1.0, 0, (Settled(float("nan"), 7, True, 0, 1, 3),))),
    ],
)
def test_what_is_no_window_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_window(data)


def test_columns_that_do_not_fit_each_other_are_refused() -> None:
    whole = encode_window(Window("w", 1, 2.0, 1.0, 0, (Settled(1.0, 7, True, 0, 1, 3),)))
    text = zlib.decompress(whole)
    for before, after in ((b"\x91\x92\x00\x03", b"\x91\x92\x09\x03"), (b"\xc4\x01\x01", b"\xc4\x02\x01\x01")):
        assert before in text
        with pytest.raises(ValueError, match=r"."):
            decode_window(zlib.compress(text.replace(before, after)))
