"""Comparisons merge to what all their rows together would have made, stay small, and say where scores have gone."""

import random

import pytest

from routing.comparison import NAMED, NO_COMPARISON, QUANTILES, Comparison, compared
from routing.control.window_bytes import decode_window, encode_window
from routing.window import Window


def of(pairs: list[tuple[float, float]]) -> Comparison:
    """Compare rows of the entities 0, 1, ... 99, again and again; a decision changes at ½."""
    found = NO_COMPARISON
    for at, (champion, candidate) in enumerate(pairs):
        flip = (champion < 0.5) is not (candidate < 0.5)
        found = found.merged(compared(f"card {at % 100}", champion, candidate, flip, 0.25 * flip))
    return found


def drawn(rows: int, shift: float = 1.0) -> list[tuple[float, float]]:
    source = random.Random(7)
    scores = [source.lognormvariate(0.0, 2.0) for _ in range(rows)]
    return [(score, score * shift) for score in scores]


def test_one_row_is_counted_as_it_is() -> None:
    found = compared("card 1", 0.25, 0.75, True, -3.0)
    assert (found.rows, found.flips, found.mean_distance, found.money) == (1, 1, 0.5, -3.0)
    assert [(one.entity, one.champion, one.candidate) for one in found.most_different] == [("card 1", 0.25, 0.75)]


def test_the_order_of_merging_is_of_no_importance() -> None:
    rows = drawn(300, 1.5)
    whole, parts = of(rows), [of(rows[at : at + 100]) for at in (200, 0, 100)]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    assert (merged.rows, merged.flips, merged.champion, merged.candidate) == (
        whole.rows,
        whole.flips,
        whole.champion,
        whole.candidate,
    )
    assert merged.most_different == whole.most_different
    assert merged.distance == pytest.approx(whole.distance)
    assert merged.money == whole.money


@pytest.mark.parametrize("shift", [1.0, 1.05, 0.5, -2.0])
def test_quantiles_lie_where_the_scores_do(shift: float) -> None:
    rows = drawn(5_000, shift)
    champion, candidate = sorted(one for one, _ in rows), sorted(other for _, other in rows)
    for found, quantile in zip(of(rows).quantiles(), QUANTILES, strict=True):
        assert found.quantile == quantile
        at = round(quantile * len(rows)) - 1
        assert found.champion == pytest.approx(champion[at], rel=0.006)
        assert found.candidate == pytest.approx(candidate[at], rel=0.006)


def test_what_is_alike_shows_no_shift() -> None:
    found = of(drawn(1_000))
    assert all(one.champion == one.candidate for one in found.quantiles())
    assert (found.distance, found.flips, found.most_different) == (0.0, 0, ())
    assert NO_COMPARISON.quantiles() == ()


def test_zeros_giants_and_signs_have_their_bins() -> None:
    found = of([(0.0, 1e-9), (1e12, 1e15), (-3.0, 3.0)])
    assert len(found.champion) == len(found.candidate) == 3
    assert found.quantiles()[0].champion == pytest.approx(-3.0, rel=0.006)
    assert found.quantiles()[-1].candidate == pytest.approx(1e9, rel=0.01)


def test_the_most_different_entities_are_named_once_each() -> None:
    rows = [(0.0, float(at)) for at in range(1, 301)]
    named = of(rows).most_different
    assert [one.candidate for one in named] == [300.0 - at for at in range(NAMED)]
    assert len({one.entity for one in named}) == NAMED


def test_it_stays_small_whatever_comes() -> None:
    source = random.Random(11)
    scores = [source.choice((-1, 1)) * 10 ** source.uniform(-12, 12) for _ in range(50_000)]
    assert len({number for score in scores for number in compared("", score, score, False).champion}) <= 7_000
    assert len(compared("x" * 1_000, 1.0, 2.0, False).most_different[0].entity) < 200


def test_it_travels_in_a_window() -> None:
    window = Window("w", 1, 2.0, 1.0, comparison=of(drawn(50, -1.1)))
    assert decode_window(encode_window(window)) == window
