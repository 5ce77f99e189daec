"""The calls of a run: read from a file, drawn from the data, encoded for each dialect."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec
import pytest

from loadtests.cases import Case, CasesError, draw_fraud_cases, of_new_cards, read_cases
from loadtests.dialect import DIALECTS, Target, dialect, requests
from loadtests.options import add_load_options, cases_from
from protos.sluice.v1.prediction_pb2 import PredictRequest

TRANSACTIONS = Path(__file__).parents[2] / "models/data/fraud_transactions_evalml.parquet"
CASE = Case({"card_id": 7, "zone": "A"}, {"amount": 12.5, "present": True, "count": 3}, unit="session")


def options(*words: str) -> Namespace:
    parser = ArgumentParser()
    add_load_options(parser)
    return parser.parse_args(words)


def test_a_requests_file_keeps_types_and_drops_repeated_entity_sets(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    other = msgspec.structs.replace(CASE, entities={"card_id": 8, "zone": "A"})
    path.write_bytes(b"\n\n".join(msgspec.json.encode(case) for case in (CASE, CASE, other)))
    assert read_cases(path) == [CASE, other]


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"entities": {}, "features": {}}\n{"entities": []}\n')
    with pytest.raises(CasesError, match=r"requests\.jsonl, line 2"):
        read_cases(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"none\.jsonl: No such file"):
        read_cases(tmp_path / "none.jsonl")


def test_fraud_calls_are_drawn_from_real_pairs_in_a_seeded_order() -> None:
    cases = draw_fraud_cases(TRANSACTIONS, 200, seed=1)
    assert len({(case.entities["card_id"], case.entities["store_id"]) for case in cases}) == 200
    assert cases == draw_fraud_cases(TRANSACTIONS, 200, seed=1)
    assert cases != draw_fraud_cases(TRANSACTIONS, 200, seed=2)
    assert {name: type(value) for name, value in cases[0].features.items()} == {
        "amount": float,
        "customer_present": bool,
    }


def test_too_few_distinct_calls_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(msgspec.json.encode(CASE))
    with pytest.raises(CasesError, match="1 distinct entity sets are too few, 10000 are demanded"):
        cases_from(options("--requests", str(path)))
    assert cases_from(options("--requests", str(path), "--fewest-requests", "1")) == [CASE]


def test_only_fraud_is_drawn() -> None:
    with pytest.raises(CasesError, match="quotes needs --requests"):
        cases_from(options("--deployment", "quotes"))


def test_a_call_over_grpc() -> None:
    spoken = dialect("grpc", Target("localhost", 1, "quotes"))
    request = spoken.encode(CASE, "id-1")
    assert request.body[:5] == b"\0" + (len(request.body) - 5).to_bytes(4, "big")
    message = PredictRequest.FromString(request.body[5:])
    assert (message.deployment, message.unit, message.request_id) == ("quotes", "session", "id-1")
    assert {name: value.WhichOneof("kind") for name, value in message.features.items()} == {
        "amount": "double_value",
        "present": "bool_value",
        "count": "int64_value",
    }
    assert message.entities["zone"].string_value == "A"


@pytest.mark.parametrize("name", ["http", "http2"])
def test_a_call_in_json(name: str) -> None:
    spoken = dialect(name, Target("localhost", 1))
    assert msgspec.json.decode(spoken.encode(CASE, "id-1").body) == {
        "entities": {"card_id": 7, "zone": "A"},
        "features": {"amount": 12.5, "present": True, "count": 3},
        "unit": "session",
        "request_id": "id-1",
    }
    assert b"unit" not in spoken.encode(msgspec.structs.replace(CASE, unit=""), "").body


@pytest.mark.parametrize("name", DIALECTS)
def test_every_second_call_leaves_the_request_id_to_the_gateway(name: str) -> None:
    ids = [request.request_id for request in requests(dialect(name, Target("localhost", 1)), [CASE] * 4)]
    assert ids == ["", "load-1", "", "load-3"]


def test_calls_of_new_cards_are_each_of_a_card_of_its_own() -> None:
    cases = [Case({"card_id": 1, "store_id": 7}, {"amount": 3}), Case({"card_id": 2, "store_id": 8}, {"amount": 4})]
    made = of_new_cards(cases, 5)
    assert len({case.entities["card_id"] for case in made}) == 5
    assert [case.entities["store_id"] for case in made] == [7, 8, 7, 8, 7]
    other = of_new_cards(cases, 5, crowd=2)
    assert not {case.entities["card_id"] for case in made} & {case.entities["card_id"] for case in other}
