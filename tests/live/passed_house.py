"""A steered house whose one deployment passes tensors on, candidates that go wrong in one way, and callers of it."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput  # type: ignore[import-untyped] # shipped without types
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped] # as above

from gateway.testing.hostile_models import write_hungry_sums, write_laborious_sums
from gateway.testing.tensor_bundles import ADD_SUB, add_sub_model
from models.tensor_manifest import MODEL, OnTriton, TensorManifest
from tests.conformance.open_inference.passed_models import Model, write_triton
from tests.live.steered_house import Callers, SteeredHouse, steered_house
from tests.real_triton import RealTriton

NAME = "sums"
LEFT, RIGHT = 13, 1
"""What callers send; at the first of them a picky model fails, at the second a hungry one."""
SLOW_ROUNDS = 2_000
"""Products of matrices in every run: some ten milliseconds."""
DECLARATION = """
deployment: sums
unit: {each: call}
clock: wall
budget_ms: 5000
tensors: {judged_by: OUTPUT1}
arms: ARMS
rollout:
  shadow: {rate: 1.0, pairs: 5, minutes: SHADOWING}
  steps: [{weight: 0.5, units: 20, minutes: MINUTES}]
  held_back: [{share: 0.1, minutes: 0.02}]
  promote: {ceiling: 0.3}
  guards: GUARDS
"""
# How a bundle goes wrong, here and on Triton.
_WRITERS: Mapping[str, Callable[[Path], None]] = {
    "not at all": add_sub_model,
    "fails": lambda path: add_sub_model(path, picky=True),
    "slow": lambda path: write_laborious_sums(path, SLOW_ROUNDS),
    "shifted": lambda path: add_sub_model(path, wrong=True),
    "deadly": write_hungry_sums,
}
_TWISTS = {
    "not at all": "pass",
    "fails": "raise pb_utils.TritonModelException('as told')",
    "slow": "time.sleep(0.02)",
    "shifted": "outputs[1] = outputs[1] + 2",
    "deadly": "os._exit(1)",
}


@dataclass
class PassedHouse:
    """`triton`: where its models lie, None: in the bundles."""

    steered: SteeredHouse
    triton: RealTriton | None
    flags: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.flags = () if self.triton is None else ("--triton", self.triton.address)

    def declare(self, minutes: float, shadowing: float = 0.01, guards: str = "row_faults: {}", arms: str = "") -> None:
        """Declare the deployment, whose shadow and canary steps last so long at least."""
        path = self.steered.house.models / NAME / "deployment.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = DECLARATION.replace("SHADOWING", str(shadowing)).replace("MINUTES", str(minutes))
        path.write_text(text.replace("GUARDS", f"{{{guards}}}").replace("ARMS", f'{{champion: "1"{arms}}}'))

    def bundle(self, version: str, wrong: str = "not at all") -> None:
        """Write a bundle, which goes wrong in that way."""
        directory = self.steered.house.bundles / NAME / version
        directory.mkdir(parents=True)
        provenance = {"of": version}
        if self.triton is None:
            _WRITERS[wrong](directory / MODEL)
            files = {MODEL: hashlib.sha256((directory / MODEL).read_bytes()).hexdigest()}
            manifest = TensorManifest(NAME, version, *ADD_SUB, files=files, provenance=provenance)
        else:
            model = f"{NAME}_{wrong.replace(' ', '_')}_{version}"
            if not (self.triton.repository / model).exists():
                write_triton(Model(model, "INT32", sums=True), self.triton.repository, _TWISTS[wrong])
            manifest = TensorManifest(NAME, version, *ADD_SUB, triton=OnTriton(model), provenance=provenance)
        (directory / "manifest.json").write_bytes(manifest.to_json())


@contextmanager
def passed_house(root: Path, triton: RealTriton | None = None) -> Iterator[PassedHouse]:
    """Make one, with champion 1."""
    with steered_house(root) as steered:
        shutil.rmtree(steered.house.models / "fraud")
        steered.deployment = NAME
        house = PassedHouse(steered, triton)
        house.bundle("1")
        yield house


class TensorCallers(Callers):
    """They speak the Open Inference Protocol, by NVIDIA's client. A sum that is none is wrong, too."""

    def _call(self, number: int) -> None:
        inputs = []
        for name, value in (("INPUT0", LEFT), ("INPUT1", RIGHT)):
            one = InferInput(name, [1, 16], "INT32")
            one.set_data_from_numpy(np.full((1, 16), value, dtype=np.int32))
            inputs.append(one)
        with InferenceServerClient(self._address) as client:
            while not self._over.wait(0.01):
                try:
                    result = client.infer(NAME, inputs, client_timeout=5.0)
                except InferenceServerException as exc:
                    self.wrong.append(str(exc))
                    continue
                said = result.get_response().parameters
                self.answers[said["arm"].string_param, said["bundle_version"].string_param] += 1
                if set(result.as_numpy("OUTPUT0").reshape(-1).tolist()) != {LEFT + RIGHT}:
                    self.wrong.append(f"no sum: {result.as_numpy('OUTPUT0')}")
