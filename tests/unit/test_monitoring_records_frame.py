"""Frames: whatever is cut off or damaged, every other whole one is read, and what is not is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.records import frame as frames
from monitoring.records.frame import MARK, Scan, frame

SALT = b"eight by"
PAYLOADS = [b"first", MARK + b"second" + MARK, b"", b"fourth" * 20]


def whole(payloads: list[bytes]) -> bytes:
    return b"".join(frame(payload, SALT) for payload in payloads)


@given(st.lists(st.binary(max_size=100) | st.just(MARK)))
def test_what_was_framed_is_read(payloads: list[bytes]) -> None:
    data = whole(payloads)
    scan = Scan(data, SALT)
    assert list(scan) == payloads
    assert (scan.damaged, scan.torn, scan.end) == (0, 0, len(data))


def test_a_cut_at_any_byte_costs_only_the_frame_that_it_cuts() -> None:
    data = whole(PAYLOADS)
    ends = [len(whole(PAYLOADS[:count])) for count in range(len(PAYLOADS) + 1)]
    for cut in range(len(data) + 1):
        scan = Scan(data[:cut], SALT)
        count = sum(end <= cut for end in ends) - 1
        assert list(scan) == PAYLOADS[:count], cut
        assert (scan.damaged, scan.torn) == (0, cut - ends[count]), cut


@pytest.mark.parametrize("damage", [0x01, 0x80, 0xFF])
def test_damage_to_any_byte_costs_only_the_frame_that_it_hits(damage: int) -> None:
    data = whole(PAYLOADS)
    ends = [len(whole(PAYLOADS[:count])) for count in range(len(PAYLOADS) + 1)]
    for at in range(len(data)):
        hurt = bytearray(data)
        hurt[at] ^= damage
        hit = sum(end <= at for end in ends) - 1
        scan = Scan(bytes(hurt), SALT)
        assert list(scan) == PAYLOADS[:hit] + PAYLOADS[hit + 1 :], at
        last = hit == len(PAYLOADS) - 1
        assert (scan.damaged, scan.torn > 0) == (0 if last else 1, last), at


def test_a_growing_file_is_read_on_from_where_it_ended() -> None:
    data, read, end = whole(PAYLOADS), [], 0
    for cut in range(len(data) + 1):
        scan = Scan(data[:cut], SALT, end)
        read += list(scan)
        end = scan.end
    assert read == PAYLOADS


def test_a_frame_that_a_caller_sends_inside_a_feature_is_never_read_as_one() -> None:
    forged = frame(b"I was approved", b"another") + frame(b"I was approved", b"")
    scan = Scan(whole([b"real", forged + b"and more"])[:-3], SALT)
    assert list(scan) == [b"real"]


def test_a_payload_without_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LONGEST", 10)
    with pytest.raises(ValueError, match="at most 10 bytes"):
        frame(b"x" * 11, SALT)
