"""The point-in-time proof on the real data: what history is worth, that none of it is the future, what a leak does.

Frames and boosters are those that the build left under .sluice; where they are not current the build runs first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from models.deployment import Deployment, declared
from models.errors import LeakError, UnexpectedMetric
from models.evaluate import Metrics, check_expected, judge
from models.export import to_onnx
from models.fraud.events import SOURCE
from models.history import EVENT_TIMESTAMP, VISIBLE_AT
from models.leak_check import check_no_leak, recompute
from models.manifest import load_manifest
from models.pipeline import NAMES, main
from models.places import DATA, bundle_path, frame_path
from models.recipe import LABEL_VISIBLE_AT, Recipe
from models.recipes import RECIPES
from models.train import fit
from tests.live.prepared import preparing

WITHOUT_HISTORY = ("amount", "customer_present", "lat", "lng")
LOW = "holdout_low_amount"


@dataclass(frozen=True)
class Built:
    """One deployment as the build left it."""

    recipe: Recipe
    deployment: Deployment
    events: pd.DataFrame
    notes: tuple[str, ...]
    frame: pd.DataFrame

    def figures(self, frame: pd.DataFrame, features: tuple[str, ...]) -> Metrics:
        training = replace(self.deployment.training, features=features)
        split = self.recipe.splits[0]
        return judge(fit(frame, split.train(frame), self.recipe, training, "1"), frame, self.recipe, training, split)


@pytest.fixture(scope="module")
def built() -> Mapping[str, Built]:
    with preparing():
        assert main(["build"]) == 0
    result = {}
    for name in NAMES:
        cleaned = RECIPES[name].read_events(DATA)
        frame = pd.read_parquet(frame_path(name))
        result[name] = Built(RECIPES[name], declared(name), cleaned.events, cleaned.notes, frame)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_feasts_join_is_what_brute_force_finds_in_the_events(built: Mapping[str, Built], name: str) -> None:
    one = built[name]
    features = sum(len(history.features) for history in one.recipe.histories)
    assert check_no_leak(one.frame, one.events, one.recipe.histories, one.deployment, rows=400) == 400 * features


def test_history_is_worth_what_the_data_promise(built: Mapping[str, Built]) -> None:
    fraud = built["fraud"]
    with_history = fraud.figures(fraud.frame, fraud.deployment.training.features)
    places = pd.read_parquet(DATA / SOURCE, columns=["store_id", "lat", "lng"]).drop_duplicates("store_id")
    without = fraud.figures(fraud.frame.merge(places, on="store_id", validate="many_to_one"), WITHOUT_HISTORY)
    assert 0.88 <= with_history[LOW]["auc"] <= 0.94
    assert 0.53 <= without[LOW]["auc"] <= 0.60
    check_expected(with_history, fraud.deployment.training.expect)
    with pytest.raises(UnexpectedMetric):
        check_expected(without, fraud.deployment.training.expect)


def test_a_leaking_join_is_too_good_and_both_checks_stop_it(built: Mapping[str, Built]) -> None:
    """All-time counts, the row itself and the future included."""
    fraud = built["fraud"]
    leaking = fraud.frame.copy()
    for of, key in (("card", "card_id"), ("store", "store_id")):
        total = fraud.events.groupby(key)["fraud"].agg(["sum", "count"])
        leaking[f"{of}_fraud_count"] = leaking[key].map(total["sum"]).astype("float64")
        leaking[f"{of}_label_count"] = leaking[key].map(total["count"]).astype("float64")
    figures = fraud.figures(leaking, fraud.deployment.training.features)
    assert figures[LOW]["auc"] > 0.98
    with pytest.raises(UnexpectedMetric):
        check_expected(figures, fraud.deployment.training.expect)
    with pytest.raises(LeakError, match="visible was"):
        check_no_leak(leaking, fraud.events, fraud.recipe.histories, fraud.deployment)


def test_a_payment_stamped_at_its_own_time_would_be_in_its_own_history(built: Mapping[str, Built]) -> None:
    """The join takes rows stamped at or before the call: the microsecond after the event is what keeps it out."""
    fraud = built["fraud"]
    own = replace(fraud.recipe.histories[0], events=lambda events: events.assign(**{VISIBLE_AT: events["datetime"]}))
    sample = fraud.frame.tail(50).reset_index(drop=True)
    sample[list(own.features)] = recompute(sample, own, fraud.events, fraud.deployment)
    assert (sample["card_last_amount"] == sample["amount"]).all()
    with pytest.raises(LeakError):
        check_no_leak(sample, fraud.events, [fraud.recipe.histories[0]], fraud.deployment)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_learned_from_labels_that_were_not_known(built: Mapping[str, Built], name: str) -> None:
    one = built[name]
    for split in one.recipe.splits:
        train, test = one.frame[split.train(one.frame)], one.frame[split.test(one.frame)]
        assert min(len(train), len(test)) > 0
        if (name, split.name) == ("credit", "holdout"):  # one prediction date: parted by client, not by time
            assert not set(train["client_id"]) & set(test["client_id"])
        else:
            assert train[LABEL_VISIBLE_AT].max() <= test[EVENT_TIMESTAMP].min()


@pytest.mark.parametrize(
    ("name", "rows", "metric", "low", "high"),
    [
        ("fraud", "holdout", "auc", 0.95, 0.985),  # the data's README: 0.971
        ("quotes", "backtest_2019", "mae", 2.1, 2.5),  # 2.28
        ("quotes", "holdout_pandemic", "mae", 2.2, 3.5),  # 3.50 with means over the whole past, ours are of 90 days
        ("credit", "holdout", "auc", 0.75, 0.80),  # 0.773
    ],
)
def test_figures_are_those_of_others(
    built: Mapping[str, Built], name: str, rows: str, metric: str, low: float, high: float
) -> None:
    assert low <= load_manifest(bundle_path(name, "1")).metrics[rows][metric] <= high


def test_what_is_dropped_is_said(built: Mapping[str, Built]) -> None:
    assert built["fraud"].notes == ("99,992 payments read, 0 dropped",)
    assert built["quotes"].notes[0] == "360,000 trips read, 6,808 dropped, 98.1% left"
    assert len(built["quotes"].events) == 353_192
    assert built["credit"].notes == ("30,000 clients with 180,000 statements read, 0 dropped",)


def test_a_build_from_the_same_frame_gives_the_bytes_that_lie_there(built: Mapping[str, Built]) -> None:
    credit = built["credit"]
    rows = credit.recipe.splits[0].train(credit.frame)
    booster = fit(credit.frame, rows, credit.recipe, credit.deployment.training, "1")
    assert to_onnx(booster) == (bundle_path("credit", "1") / "model.onnx").read_bytes()
