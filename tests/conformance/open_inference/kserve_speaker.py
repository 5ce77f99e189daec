"""KServe's own client, run by an environment of its own: it registers the same messages as NVIDIA's.

`python kserve_speaker.py GRPC HTTP MODEL INPUT` asks a server over both wires, and prints what it heard as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

UNIT = {"unit": "7"}
ROW = {"store_id": np.array([1]), "amount": np.array([0.25]), "card_limit": np.array([1.0])}
DATATYPES = {"store_id": "INT64", "amount": "FP64", "card_limit": "FP64"}


def whole(model: str, name: str, binary: bool) -> InferRequest:
    """Return a request with the model's whole input."""
    rows = np.zeros((2, 4), np.float32)
    rows[:, 0] = (0.5, 2.0)
    tensor = InferInput(name=name, shape=[2, 4], datatype="FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return InferRequest(model_name=model, infer_inputs=[tensor], request_id="r-1", parameters=UNIT)


def row(model: str, binary: bool) -> InferRequest:
    """Return a request of one row; the card's id is a text."""
    inputs = [InferInput(name="card_id", shape=[1], datatype="BYTES", data=["1"])]
    for name, values in ROW.items():
        tensor = InferInput(name=name, shape=[1], datatype=DATATYPES[name])
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    present = InferInput(name="customer_present", shape=[1], datatype="BOOL")
    present.set_data_from_numpy(np.array([True]), binary_data=binary)
    return InferRequest(model_name=model, infer_inputs=[*inputs, present])


def heard(response: Any) -> dict[str, Any]:
    """Return an answer as JSON can hold it."""
    outputs = {}
    for output in response.outputs:
        values = output.as_numpy().reshape(-1).tolist()
        outputs[output.name] = [one.decode() if isinstance(one, bytes) else one for one in values]
    return {"id": response.id, "outputs": outputs}


async def refusal(asking: Any) -> str:
    """Return what a refused request says."""
    try:
        await asking
    except Exception as exc:  # whatever this client makes of it
        return str(exc)
    return ""


async def over_grpc(url: str, model: str, name: str) -> dict[str, Any]:
    """Ask over gRPC."""
    async with InferenceGRPCClient(url, timeout=5) as client:
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model ready": await client.is_model_ready(model),
            "unknown ready": await client.is_model_ready("nobody"),
            "whole": heard(await client.infer(whole(model, name, True))),
            "whole typed": heard(await client.infer(whole(model, name, False))),
            "row": heard(await client.infer(row(model, False))),
            "refusal": await refusal(client.infer(row("nobody", False))),
        }


async def over_http(url: str, model: str, name: str) -> dict[str, Any]:
    """Ask over HTTP."""
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=5)) as client:
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, model),
            "unknown ready": await client.is_model_ready(url, "nobody"),
            "whole": heard(await client.infer(url, whole(model, name, True), model_name=model)),
            "whole typed": heard(await client.infer(url, whole(model, name, False), model_name=model)),
            "row": heard(await client.infer(url, row(model, False), model_name=model)),
            "refusal": await refusal(client.infer(url, row("nobody", False), model_name="nobody")),
        }


async def main(grpc: str, http: str, model: str, name: str) -> None:
    """Ask over both."""
    said = {
        "grpc": await over_grpc(grpc, model, name),
        "http": await over_http(f"http://{http}", model, name),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
