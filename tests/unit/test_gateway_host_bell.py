"""The doorbell's frames: whole, bounded, and nothing believed that is none."""

import pytest

from gateway.host.bell import LONGEST, Answer, Request, Said, pack_answer, pack_request, read_answer, read_request


def test_a_request_arrives_as_it_left() -> None:
    request = Request(2**40, 3, 7, 64)
    assert read_request(pack_request(request)) == request


@pytest.mark.parametrize("said", Said)
def test_an_answer_arrives_as_it_left(said: Said) -> None:
    answer = Answer(2**40, 7, 64, said, "onnxruntime failed: größer", took=10**15)
    assert read_answer(pack_answer(answer)) == answer


def test_a_long_text_is_cut_even_within_a_character() -> None:
    frame = pack_answer(Answer(1, 2, 3, Said.RAISED, "ß" * LONGEST))
    assert len(frame) == LONGEST
    answer = read_answer(frame)
    assert answer is not None
    assert answer.text.startswith("ßßß")


def test_a_text_is_one_line() -> None:
    answer = read_answer(pack_answer(Answer(1, 2, 3, Said.RAISED, "two\nlines\t\x00")))
    assert answer is not None
    assert "\n" not in answer.text
    assert "\t" not in answer.text


@pytest.mark.parametrize("cut", range(25))
def test_half_a_frame_is_nonsense(cut: int) -> None:
    assert read_answer(pack_answer(Answer(1, 2, 3, Said.SCORED))[:cut]) is None


def test_an_unknown_word_is_nonsense() -> None:
    frame = pack_answer(Answer(1, 2, 3, Said.SCORED))
    assert read_answer(frame[:-1] + bytes([max(Said) + 1])) is None
    assert read_answer(frame[:-1] + b"\0") is None
