"""`python -m models.adopt NAME VERSION`: makes a bundle of tensors out of a model that others made.

The model is an ONNX file, which is copied, or one that a Triton has in its own repository, which stays there.
"""

import hashlib
import os
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.manifest import MANIFEST, BundleError
from models.places import BUNDLES, MODELS
from models.tensor_manifest import MODEL, OnTriton, TensorManifest, TensorSpec, spec_of

# The wheels report on models and runs to their maker unless they are told not to before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

# They share no base class of their own.
_ORT_ERRORS = (
    *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel),
    *(state.NoSuchFile, state.NotImplemented, state.RuntimeException),
)
_NAME, _VERSION = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}"), re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
DECLARATION = """\
# Tensors go to a model as they come: callers speak the Open Inference Protocol. Traffic is split by what a request says
# in its parameter `unit`, or by itself where it says nothing; {{request: session}} refuses what says nothing.
deployment: {name}
unit: {{each: call}}
clock: wall
budget_ms: 100
tensors: {{}} # or {{judged_by: OUTPUT}}: the output whose mean a rollout's judge compares

arms:
  champion: "{version}"
"""


def main(words: list[str] | None = None) -> int:
    """Make one bundle; return the exit status."""
    options = _parser().parse_args(words)
    options.model = options.model or options.name
    try:
        _check_names(options.name, options.version)
        manifest = _from_triton(options) if options.onnx is None else _from_file(options)
        directory = _write(options, manifest)
    except (BundleError, OSError) as exc:
        print(f"sluice adopt: {exc}", file=sys.stderr)
        return 1
    print(f"{directory}: bundle {manifest.digest()[:12]} of {manifest.deployment}")
    for kind, specs in (("takes", manifest.inputs), ("gives", manifest.outputs)):
        print("\n".join(f"  {kind} {one.name} {one.datatype} {list(one.shape)}" for one in specs))
    declared = options.models / manifest.deployment / "deployment.yaml"
    if not declared.exists():
        declared.parent.mkdir(parents=True, exist_ok=True)
        declared.write_text(DECLARATION.format(name=manifest.deployment, version=manifest.version))
        print(f"{declared}: written; `sluice reload` has a running gateway serve it")
    return 0


def _check_names(name: str, version: str) -> None:
    if not _NAME.fullmatch(name):
        raise BundleError(f"a deployment's name is 1 to 63 of a-z, 0-9, - and _, no sign first, not {name!r:.80}")
    if not _VERSION.fullmatch(version):
        raise BundleError(f"a version is 1 to 63 letters, digits, dots, - and _, no sign first, not {version!r:.80}")


def _from_file(options: Namespace) -> TensorManifest:
    inputs, outputs = _look_into(options.onnx)
    digest = hashlib.sha256(options.onnx.read_bytes()).hexdigest()
    return TensorManifest(options.name, options.version, inputs, outputs, files={MODEL: digest})


def _look_into(path: Path) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except (*_ORT_ERRORS, RuntimeError, ValueError) as exc:
        raise BundleError(f"{path}: onnxruntime cannot load it: {exc}") from exc
    inputs, outputs = (
        tuple(spec_of(one.name, one.type, one.shape) for one in nodes)
        for nodes in (session.get_inputs(), session.get_outputs())
    )
    return inputs, outputs


def _from_triton(options: Namespace) -> TensorManifest:
    from tritonclient import grpc as triton  # type: ignore[import-untyped] # shipped without types

    if (options.triton_tls_cert is None) != (options.triton_tls_key is None):
        raise BundleError("a certificate and its key belong together: --triton-tls-cert and --triton-tls-key")
    if options.triton_tls_cert is not None and options.triton_tls_ca is None:
        raise BundleError("TLS to Triton needs to know whom to trust: give --triton-tls-ca")
    try:
        with triton.InferenceServerClient(
            options.triton,
            ssl=options.triton_tls_ca is not None,
            root_certificates=options.triton_tls_ca,
            private_key=options.triton_tls_key,
            certificate_chain=options.triton_tls_cert,
        ) as client:
            found = client.get_model_metadata(options.model, options.model_version, client_timeout=10.0)
    except triton.InferenceServerException as exc:
        raise BundleError(f"Triton at {options.triton} does not tell of {options.model}: {exc}") from exc
    inputs, outputs = (
        tuple(TensorSpec(one.name, one.datatype, tuple(one.shape)) for one in tensors)
        for tensors in (found.inputs, found.outputs)
    )
    where = OnTriton(options.model, options.model_version)
    return TensorManifest(options.name, options.version, inputs, outputs, where)


def _write(options: Namespace, manifest: TensorManifest) -> Path:
    """Write the bundle as a whole: who looks for it finds all of it, or nothing. Raises `BundleError`."""
    directory: Path = options.bundles / manifest.deployment / manifest.version
    if directory.exists():
        raise BundleError(f"{directory}: is there already, and bundles do not change: take another version")
    draft = directory.with_name(f".{directory.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    if options.onnx is not None:
        shutil.copyfile(options.onnx, draft / MODEL)
    (draft / MANIFEST).write_bytes(manifest.to_json())
    draft.rename(directory)
    return directory


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="sluice adopt",
        description="Make a bundle out of a model that others made: any tensors go to it as they come. Where there is "
        "no deployment of that name, one is written.",
        epilog="examples: sluice adopt embed 1 --onnx embedder.onnx; "
        "sluice adopt embed 2 --triton 127.0.0.1:8001 --model embedder --model-version 3",
    )
    parser.add_argument("name", metavar="NAME", help="of the deployment")
    parser.add_argument("version", metavar="VERSION", help="of the bundle")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--onnx", type=Path, metavar="FILE", help="an ONNX model, which is copied")
    where.add_argument("--triton", metavar="HOST:PORT", help="gRPC address of a Triton that has the model")
    parser.add_argument("--model", default="", metavar="MODEL", help="its name there [NAME]")
    parser.add_argument("--model-version", default="", metavar="N", help="its version there [what Triton chooses]")
    for name, text in (
        ("ca", "PEM file: speak TLS to Triton, trusting what is in it [clear text]"),
        ("cert", "PEM file: the certificate to show where TLS is mutual [none]"),
        ("key", "PEM file: its private key [none]"),
    ):
        parser.add_argument(f"--triton-tls-{name}", metavar="FILE", help=text)
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="where bundles lie [%(default)s]")
    parser.add_argument("--models", type=Path, default=MODELS, help="where deployments are declared [%(default)s]")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
