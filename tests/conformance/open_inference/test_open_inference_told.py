"""What the protocol tells of server and models, as NVIDIA's clients read it."""

import pytest
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped] # shipped without types

from tests.conformance.open_inference.clients import Client
from tests.conformance.open_inference.targets import WIDTH, Target


def test_the_server_is_live_and_ready(client: Client) -> None:
    assert client.call("is_server_live") is True
    assert client.call("is_server_ready") is True


def test_a_model_is_ready_and_an_unknown_one_is_not(client: Client, target: Target) -> None:
    assert client.call("is_model_ready", target.model) is True
    assert client.call("is_model_ready", "nobody") is False


def test_the_server_says_its_name_and_what_it_can_do(client: Client) -> None:
    said = client.told("get_server_metadata")
    assert said["name"]
    assert said["version"]
    assert {"statistics", "model_configuration", "binary_tensor_data"} <= set(said["extensions"])


def test_metadata_name_the_output(client: Client, target: Target) -> None:
    said = client.told("get_model_metadata", target.model)
    assert said["name"] == target.model
    assert said["versions"]
    assert target.output in [output["name"] for output in said["outputs"]]


def test_metadata_are_a_whole_request_of_rows(client: Client, sluice: Target) -> None:
    said = client.told("get_model_metadata", sluice.model)
    inputs = {one["name"]: (one["datatype"], [int(extent) for extent in one["shape"]]) for one in said["inputs"]}
    assert inputs == {
        "card_id": ("INT64", [-1]),
        "store_id": ("INT64", [-1]),
        "amount": ("FP64", [-1]),
        "customer_present": ("BOOL", [-1]),
        "time": ("FP64", [-1]),
        "unit": ("BYTES", [-1]),
    }
    outputs = [(one["name"], one["datatype"]) for one in said["outputs"]]
    assert outputs == [("score", "FP64"), ("decision", "BYTES"), ("arm", "BYTES"), ("status", "BYTES")]
    assert said["versions"] == ["1", "2"]


def test_the_configuration_names_the_model_s_own_input(client: Client, target: Target) -> None:
    said = client.told("get_model_config", target.model)
    config = said.get("config", said)
    assert config["name"] == target.model
    inputs = {one["name"]: one for one in config["input"]}
    assert inputs[target.input]["data_type"] == "TYPE_FP32"
    assert int(inputs[target.input]["dims"][-1]) == WIDTH


def test_the_configuration_says_what_callers_should_know(client: Client, sluice: Target) -> None:
    said = client.told("get_model_config", sluice.model)
    config = said.get("config", said)
    told = {name: value["string_value"] for name, value in config["parameters"].items()}
    assert told["unit"] == "entity card_id"
    assert told["budget_ms"] == "5000"
    assert told["decisions"] == "approve,decline"
    optional = {one["name"] for one in config["input"] if one.get("optional")}
    assert optional == {"time", "unit", "features"}


def test_the_index_lists_what_may_answer(client: Client, target: Target) -> None:
    said = client.told("get_model_repository_index")
    models = said["models"] if client.over_grpc else said
    listed = [(one["name"], one.get("version"), one["state"]) for one in models]
    assert target.model in [name for name, _, _ in listed]
    if target.is_sluice:
        assert listed == [("fraud", "1", "READY"), ("fraud", "2", "READY"), ("quotes", "1", "READY")]


def test_versions_can_be_asked_for_by_name(client: Client, sluice: Target) -> None:
    assert client.call("is_model_ready", sluice.model, "2") is True
    assert client.call("is_model_ready", sluice.model, "9") is False
    assert client.told("get_model_metadata", sluice.model, "2")["versions"] == ["2"]
    with pytest.raises(InferenceServerException, match="fraud serves version 1, 2, not '9'"):
        client.told("get_model_metadata", sluice.model, "9")


@pytest.mark.parametrize("method", ["get_model_metadata", "get_model_config"])
def test_of_an_unknown_model_nothing_is_told(client: Client, target: Target, method: str) -> None:
    with pytest.raises(InferenceServerException, match="nobody"):
        client.told(method, "nobody")


def test_models_are_not_loaded_by_callers(client: Client, sluice: Target) -> None:
    for method in ("load_model", "unload_model"):
        with pytest.raises(InferenceServerException, match="sluice rollout"):
            client.call(method, sluice.model)
    with pytest.raises(InferenceServerException, match="shared memory is not supported"):
        client.call("get_system_shared_memory_status")
