"""The transforms that training and gateway share: row-wise, finite on defaults, fed by what the plan has."""

import importlib
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.credit.transform import transform as credit
from models.deployment import declared
from models.fraud.transform import transform as fraud
from models.quotes.transform import transform as quotes
from models.recipe import Transform

TRANSFORMS: Mapping[str, Transform] = {"fraud": fraud, "quotes": quotes, "credit": credit}
NEWEST = 1_565_173_162.0
names = pytest.mark.parametrize("name", sorted(TRANSFORMS))


def columns(name: str, rows: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Every column that the gateway would hand over, with numbers of all sizes in it."""
    deployment, random = declared(name), np.random.default_rng(seed)
    wanted = {*deployment.defaults, *deployment.refuse, *deployment.request_names, "time"}
    scales = {column: 10.0 ** random.integers(0, 6) for column in sorted(wanted)}
    values = {column: np.abs(random.normal(scale=scale, size=rows)).round() for column, scale in scales.items()}
    return {**values, "time": NEWEST + values["time"]}


@names
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), rows=st.integers(2, 9), picked=st.integers(0, 8))
def test_a_row_does_not_depend_on_its_neighbours(name: str, seed: int, rows: int, picked: int) -> None:
    together = columns(name, rows, seed)
    alone = {column: values[[picked % rows]] for column, values in together.items()}
    whole, part = TRANSFORMS[name](together), TRANSFORMS[name](alone)
    for derived, values in part.items():
        assert whole[derived][picked % rows] == values[0], derived


@names
def test_defaults_give_finite_numbers(name: str) -> None:
    deployment = declared(name)
    filled = {column: np.full(2, value) for column, value in deployment.defaults.items()}
    asked = {column: np.zeros(2) for column in (*deployment.refuse, *deployment.request_names)}
    derived = TRANSFORMS[name]({**filled, **asked, "time": np.full(2, NEWEST)})
    assert all(np.isfinite(values).all() and values.shape == (2,) for values in derived.values())


@names
def test_the_file_that_the_plan_names_is_the_one_that_training_uses(name: str) -> None:
    assert importlib.import_module(f"models.{name}.transform").transform is TRANSFORMS[name]


def test_hours_and_weekdays_are_those_of_the_calendar() -> None:
    at = np.array([1_577_836_800.0 + 90 * 60])  # Wednesday 1 January 2020, 01:30
    assert quotes({"time": at}) == {"hour": np.array([1.5]), "weekday": np.array([2.0])}


def test_a_card_never_seen_counts_as_seen_long_ago() -> None:
    before = columns("fraud", 2, 0) | {"card_last_seen": np.array([0.0, NEWEST - 60]), "time": np.full(2, NEWEST)}
    assert fraud(before)["card_gap"].tolist() == [90 * 86400.0, 60.0]
