"""When a run may show a rate, what it says when it may not, and how runs add up."""

import msgspec
import pytest

from loadtests.answer import FRESH, NOT_FRESH, Verdict
from loadtests.tally import Report, Tally, add_up, why_not


def tally_of(good: int, faults: int) -> Tally:
    tally = Tally()
    for number in range(good):
        tally.count(FRESH if number else NOT_FRESH, 1_000_000)
    for number in range(faults):
        tally.count(Verdict("grpc-status 8", f"try later {number}"), 10)
    return tally


def report_of(tally: Tally, lost: int = 0, entity_sets: int = 10_000) -> Report:
    return Report(
        dialect="grpc",
        connections=16,
        streams=1,
        seconds=2.0,
        entity_sets=entity_sets,
        lost_connections=lost,
        tally=tally,
        processor_seconds={"generator": 1.0, "worker": 0.5},
    )


def test_one_fault_in_a_thousand_calls_is_allowed() -> None:
    report = report_of(tally_of(999, 1))
    assert report.rate == 499.5
    assert report.quantile(0.5) == 0.001
    assert report.processor_time_per_call("generator") == pytest.approx(1 / 999)
    assert report.processor_time_per_call("redis") is None
    assert report.tally.not_fresh == 1


def test_more_faults_leave_no_rate_but_the_reasons() -> None:
    report = report_of(tally_of(998, 2))
    assert report.rate is None
    assert report.quantile(0.5) is None
    assert report.processor_time_per_call("worker") is None
    assert report.reasons() == ["2 × grpc-status 8 (such as: try later 0)"]
    assert report.as_json()["calls_per_second"] is None


def test_a_lost_connection_leaves_no_rate() -> None:
    report = report_of(tally_of(5000, 0), lost=1)
    assert report.rate is None
    assert report.reasons() == ["1 of 16 connections lost for good"]


def test_a_run_without_answers_has_no_rate() -> None:
    report = report_of(Tally())
    assert report.rate is None
    assert report.reasons() == ["no call was answered"]


def tally_without_features(fresh: int, not_fresh: int) -> Tally:
    tally = Tally()
    for verdict, calls in ((FRESH, fresh), (NOT_FRESH, not_fresh)):
        for _ in range(calls):
            tally.count(verdict, 1_000_000)
    return tally


def test_a_run_that_mostly_found_no_fresh_feature_has_no_rate() -> None:
    report = report_of(tally_without_features(fresh=499, not_fresh=501))
    reason = "501 of 1,000 good answers had a feature that was not fresh: is the feature store filled?"
    assert (report.rate, report.quantile(0.5)) == (None, None)
    assert report.reasons() == [reason]
    assert report_of(tally_without_features(fresh=500, not_fresh=500)).rate == 500


def test_one_entity_set_tells_nothing_of_the_feature_store() -> None:
    assert report_of(tally_without_features(fresh=0, not_fresh=10), entity_sets=1).rate == 5


def test_the_reasons_are_those_of_the_runs_that_were_not_sound() -> None:
    good, bad = report_of(tally_of(5000, 1)), report_of(tally_without_features(fresh=0, not_fresh=9))
    assert why_not([good]) == []
    assert why_not([good, bad]) == [
        "9 of 9 good answers had a feature that was not fresh: is the feature store filled?"
    ]


def test_reports_add_up() -> None:
    total = add_up([report_of(tally_of(1000, 0)), report_of(tally_of(3000, 1))])
    assert total.rate == 1000
    assert total.failed == 1
    assert total.processor_seconds == {"generator": 2.0, "worker": 1.0}


def test_a_report_is_plain_json() -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(report_of(tally_of(2000, 2)).as_json()))
    assert decoded["calls_per_second"] == 1000
    assert decoded["latency_seconds"]["p50"] == 0.001
    assert decoded["latency_seconds"]["p99.9"] == 0.001
    assert decoded["faults"] == {"grpc-status 8": 2}
