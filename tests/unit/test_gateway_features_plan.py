"""Plans: what they derive, and one clear line for everything that they do not understand."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.features.layout import Layout
from gateway.features.plan import Feature, JoinKey, Plan, PlanError, View, load_plan
from gateway.testing.plans import small_document, small_plan

Change = Callable[[dict[str, Any]], Any]


def view(document: dict[str, Any], group: int = 0) -> Any:
    return document["groups"][group]["views"][0]


def load(directory: Path, change: Change) -> Plan:
    document = copy.deepcopy(small_document())
    change(document)
    (directory / "plan.json").write_text(json.dumps(document))
    return load_plan(directory / "plan.json")


def test_columns_follow_groups_views_and_features(tmp_path: Path) -> None:
    plan = small_plan(tmp_path)
    assert [feature.name for feature in plan.stored] == ["card_count", "card_limit", "store_count"]
    assert plan.stored[0] == Feature("card_count", bytes.fromhex("01020304"), "double", 0.0)
    assert [view.name for view in plan.views] == ["card_history", "store_history"]
    assert plan.entities == (JoinKey("card_id", "int64"), JoinKey("store_id", "int64"))
    assert plan.limits.tolist() == [3600.0, float("inf")]
    assert plan.defaults.tolist() == [0.0, 0.0, 5.0]
    assert plan.limited == ((0, 3600.0),)
    assert plan.view_columns == (slice(0, 2), slice(2, 3))
    assert plan.view_of.tolist() == [0, 0, 1]


def test_a_row_has_one_key_per_group(tmp_path: Path) -> None:
    keys = small_plan(tmp_path).row_keys({"card_id": 1, "store_id": 2})
    assert [key.hex()[-28:] for key in keys] == ["0100000000000000736c75696365", "0200000000000000736c75696365"]


def test_a_command_asks_for_types_side_by_side_and_event_times_last(tmp_path: Path) -> None:
    def mix(document: dict[str, Any]) -> None:
        view(document)["features"] = [
            {"name": "a", "field": "61616161", "type": "int64", "default": 0},
            {"name": "b", "field": "62626262", "type": "double", "default": 0},
            {"name": "c", "field": "63636363", "type": "int64", "default": 0},
            {"name": "d", "field": "64646464", "type": "double", "default": 0},
        ]
        document["features"] = ["a"]

    plan = load(tmp_path, mix)
    layout = plan.groups[0].layout
    assert layout.order == (1, 3, 0, 2)
    assert layout.types == ("double", "double", "int64", "int64")
    assert [(run.type, run.pieces) for run in plan.runs] == [
        ("double", ((0, 0, 2), (1, 0, 1))),
        ("int64", ((0, 2, 4),)),
    ]
    assert layout.commands([b"KEY"]) == (
        b"*7\r\n$5\r\nHMGET\r\n$3\r\nKEY\r\n$4\r\nbbbb\r\n$4\r\ndddd\r\n$4\r\naaaa\r\n$4\r\ncccc\r\n"
        b"$16\r\n_ts:card_history\r\n"
    )


@pytest.mark.parametrize("keys", [[b"a", b"b", b"c"], [b"a", b"longer", b""]], ids=["one length", "several lengths"])
def test_many_commands_are_the_commands_of_each(keys: list[bytes]) -> None:
    layout = Layout((View("v", 0, (Feature("f", b"\1\2\3\4", "double", 0.0),)),))
    assert layout.commands(keys) == b"".join(layout.commands([key]) for key in keys)


def test_what_nobody_asks_for_is_let_be(tmp_path: Path) -> None:
    assert load(tmp_path, lambda document: document.update(compiled_with="feast 0.67.0")) == small_plan(tmp_path)


REFUSED: list[tuple[str, Change]] = [
    ("plan.json.format: 2 is not supported, only 1", lambda d: d.update(format=2)),
    ("plan.json.format: true is not supported, only 1", lambda d: d.update(format=True)),
    ("plan.json: format is missing", lambda d: d.pop("format")),
    ("plan.json.key_version: 2 is not supported, only 3", lambda d: d.update(key_version=2)),
    ("plan.json.project: expected text", lambda d: d.update(project="")),
    ("plan.json.groups: expected a list", lambda d: d.update(groups={})),
    (r"groups\[0\]: expected an object", lambda d: d.update(groups=[7])),
    (
        r"join_keys\[card_id\].type: \"double\" is not supp",
        lambda d: d["groups"][0]["join_keys"][0].update(type="double"),
    ),
    ("join_keys: expected at least one", lambda d: d["groups"][0].update(join_keys=[])),
    (
        "sorted by name",
        lambda d: d["groups"][0].update(join_keys=[{"name": name, "type": "int64"} for name in ("b", "a")]),
    ),
    (
        "join_keys: a stands there twice",
        lambda d: d["groups"][0].update(join_keys=[{"name": "a", "type": kind} for kind in ("int64", "int32")]),
    ),
    ("group: card_id stands there twice", lambda d: d["groups"][1].update(join_keys=d["groups"][0]["join_keys"])),
    (
        "entity card_id has two types",
        lambda d: d["groups"][1]["join_keys"].insert(0, {"name": "card_id", "type": "string"}),
    ),
    ("views: expected at least one", lambda d: d["groups"][0].update(views=[])),
    ("views: expected at least one", lambda d: view(d).update(features=[])),
    ("view: card_history stands there twice", lambda d: view(d, 1).update(name="card_history")),
    ("ttl_seconds: expected 0 or more", lambda d: view(d).update(ttl_seconds=-1)),
    ("ttl_seconds: expected a finite number", lambda d: view(d).update(ttl_seconds="90d")),
    ("feature: card_count stands there twice", lambda d: view(d, 1)["features"][0].update(name="card_count")),
    ("feature: amount stands there twice", lambda d: view(d, 1)["features"][0].update(name="amount")),
    ("field: 01020304 stands there twice", lambda d: view(d)["features"][1].update(field="01020304")),
    (r"features\[card_count\].field: expected 4 bytes", lambda d: view(d)["features"][0].update(field="0102")),
    ("field: expected 4 bytes in hex", lambda d: view(d)["features"][0].update(field="01 02 03 04")),
    ("field: expected 4 bytes in hex", lambda d: view(d)["features"][0].update(field="xxxxxxxx")),
    ('"string" is not supported, only bool, double', lambda d: view(d)["features"][0].update(type="string")),
    (r"\[\"double\"\] is not supported", lambda d: view(d)["features"][0].update(type=["double"])),
    (r"features\[card_count\]: default is missing", lambda d: view(d)["features"][0].pop("default")),
    ("default: expected a finite number", lambda d: view(d)["features"][0].update(default="0")),
    ("default: expected a finite number", lambda d: view(d)["features"][0].update(default=10**400)),
    (r"request\[amount\].type", lambda d: d["request"][0].update(type="text")),
    (r"request\[amount\].required: expected true or false", lambda d: d["request"][0].update(required=1)),
    (r"request\[amount\].required: only a unix_timestamp", lambda d: d["request"][0].update(required=False)),
    (r"request\[amount\].min: 2 is above max 1", lambda d: d["request"][0].update(min=2, max=1)),
    ("transform: expected an object", lambda d: d.update(transform="models.fraud.transform")),
    ("transform.sha256: expected 32 bytes", lambda d: d.update(transform={"module": "m", "sha256": "00"})),
    ("features: expected a list of names", lambda d: d.update(features=[1])),
    ("features: amount stands there twice", lambda d: d.update(features=["amount", "amount"])),
    ("nothing provides hour", lambda d: d.update(features=["hour"])),
]


@pytest.mark.parametrize(("reason", "change"), REFUSED, ids=[reason for reason, _ in REFUSED])
def test_what_is_not_understood_is_refused_in_one_line(tmp_path: Path, reason: str, change: Change) -> None:
    with pytest.raises(PlanError, match=reason) as refusal:
        load(tmp_path, change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "{", '{"format": NaN}', "[" * 100_000, "\xff"])
def test_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(PlanError, match=r"plan\.json"):
        load_plan(tmp_path / "plan.json")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        load_plan(tmp_path / "plan.json")
