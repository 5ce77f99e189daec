"""What a `deployment.yaml` says to the gateway: unit, clock, budget, policy, arms, and what gives way under strain."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from gateway.features.view_rule import ViewRule
from gateway.idempotency import IdempotencyRule, read_idempotency
from gateway.passed import PASSED
from gateway.policy import Policy, PolicyError, read_policy
from gateway.precomputed import PrecomputedRule, read_precomputed
from routing.declared import Declared, read_rollout
from routing.reading import flag, listed, named, number, section, within
from routing.split import BUCKETS
from routing.table import Canary, Shadow, Table, TableError

Backend = Literal["onnx", "triton", "precomputed"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
# A name is a label of metrics, a part of addresses and the name of files.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# What a document can make Python say: of its types, of numbers that are too large, of what is nested too deep.
_STRANGE = (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError)


class DeploymentError(ValueError):
    """A `deployment.yaml` that cannot be served; one clear line names the file and the mistake."""


@dataclass(frozen=True, slots=True)
class UnitRule:
    """Where a row's unit comes from: one of its entities, or the request itself under a described name.

    Or each call is one by itself, unless its request names one: of pass-through deployments alone.
    """

    source: Literal["entity", "request", "each"]
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}"


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Callers send the model's own tensors, and get its own: there are no features, and no policy."""

    judged_by: str = ""
    """The output whose mean a rollout's judge knows as the score; "": it compares failures and times alone."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment as declared. `budget` is in seconds."""

    name: str
    unit: UnitRule
    clock: Literal["wall", "replay"]
    budget: float
    policy: Policy
    table: Table
    share: float = 1.0
    """Its claim on a worker's time beside the other deployments, when there is not enough for all."""
    views: Mapping[str, ViewRule] = field(default_factory=dict)
    """By name of the feature view; a view that is not named has no rule."""
    record_share: float = 0.0
    """The share of calls, 0 to 1, of which a decision record is kept."""
    backend: Backend = "onnx"
    """What its arms run on: in this gateway, on Triton, or in this gateway where nothing was computed ahead."""
    precomputed: PrecomputedRule | None = None
    """How scores that were computed ahead are used; None but where that is the backend."""
    idempotency: IdempotencyRule | None = None
    """For how long a repeated call gets the answer that was given first; None: it is answered anew."""
    rollout: Declared = field(default_factory=lambda: read_rollout({}))
    """How a candidate becomes champion here, and what it is held to."""
    policy_digest: str = ""
    """Of the `policy` section, or `tensors`, whatever its layout: sha256 in hexadecimal."""
    rollout_digest: str = ""
    """Of the `rollout` section, but for its freeze windows, which may change while a rollout runs."""
    tensors: PassThrough | None = None
    """Of a pass-through deployment."""


def read_deployment(path: Path) -> Deployment:
    """Read and check one `deployment.yaml`. Raises `DeploymentError`."""
    try:
        text = path.read_text()
    except (OSError, ValueError) as exc:
        raise DeploymentError(f"{path}: {exc}") from exc
    return parse_deployment(text, str(path))


def parse_deployment(text: str, where: str) -> Deployment:
    """Check the text of a `deployment.yaml`; messages call it `where`. Raises `DeploymentError`."""
    try:
        return _build(yaml.safe_load(text))
    except KeyError as exc:
        raise DeploymentError(f"{where}: {exc.args[0]!r} is missing") from exc
    except (yaml.YAMLError, PolicyError, TableError, *_STRANGE) as exc:
        raise DeploymentError(f"{where}: {' '.join(str(exc).split())}") from exc


def check_place(deployment: Deployment, path: Path) -> None:
    """Raise `DeploymentError` unless a declaration lies in the directory that is named for its deployment."""
    if deployment.name != path.parent.name:
        raise DeploymentError(f"{path}: declares {deployment.name}, and lies in {path.parent.name}/: name one")


def _build(said: object) -> Deployment:
    document = section(said)
    name = named(document, "deployment")
    if not NAME.fullmatch(name):
        raise ValueError(f"deployment is {name!r:.80}; a name is 1 to 63 of a-z, 0-9, - and _, no sign first")
    clock = document["clock"]
    if clock not in ("wall", "replay"):
        raise ValueError(f"clock is {clock!r:.80}; it is 'wall' or 'replay'")
    unit, rollout = _read_unit(document["unit"]), document.get("rollout")
    tensors = _read_tensors(document, unit)
    policy = read_policy(document["policy"]) if tensors is None else PASSED
    backend = _read_backend(document)
    return Deployment(
        name=name,
        unit=unit,
        clock=clock,
        budget=number(document, "budget_ms", above=0.0, most=60_000.0) / 1000,
        policy=policy,
        table=_read_table(name, document["arms"]),
        share=number(document, "share", 1.0, least=0.01, most=100.0),
        views=_read_views(document.get("views")),
        record_share=_read_record_share(document.get("records")),
        backend=backend,
        precomputed=read_precomputed(document.get("precomputed"), backend == "precomputed"),
        idempotency=read_idempotency(document.get("idempotency")),
        rollout=_read_rollout(rollout, policy),
        policy_digest=_digest(document["policy"] if tensors is None else asdict(tensors)),
        rollout_digest=_digest({**(rollout or {}), "freeze": None}),
        tensors=tensors,
    )


def _read_tensors(document: Mapping[str, Any], unit: UnitRule) -> PassThrough | None:
    if "tensors" not in document:
        if unit.source == "each":
            raise ValueError("unit: {each: call} is for deployments that pass tensors on: units meet one arm each")
        return None
    with within("tensors"):
        entry = section(document["tensors"], "judged_by")
        unfit = ("policy", "views", "records", "backend", "precomputed", "idempotency")
        strange = [one for one in unfit if one in document]
        if strange:
            raise ValueError(f"a deployment that passes tensors on has no {strange[0]!r}")
        if document["clock"] != "wall" or unit.source == "entity":
            raise ValueError(
                "a deployment that passes tensors on has clock: wall, and unit: {request: NAME} or {each: call}"
            )
        return PassThrough(named(entry, "judged_by") if "judged_by" in entry else "")


def _read_rollout(said: object, policy: Policy) -> Declared:
    declared = read_rollout(said)
    for measure in declared.measures:
        strange = [one for one in measure.decisions if one not in policy.rule.decisions]
        if strange:
            known = ", ".join(dict.fromkeys(policy.rule.decisions))
            where = f"rollout: guards: {measure.name}: of"
            raise ValueError(f"{where}: the policy never decides {strange[0]!r:.80}; it decides {known}")
    return declared


def _digest(said: Mapping[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()


def _read_backend(document: Mapping[str, Any]) -> Backend:
    said = document.get("backend", "onnx")
    for backend in BACKENDS:
        if said == backend:
            return backend
    raise ValueError(f"backend is {said!r:.80}; known are {', '.join(BACKENDS)}")


def _read_views(said: object) -> dict[str, ViewRule]:
    with within("views"):
        return {view: _read_view(view, rule) for view, rule in section(said).items()}


def _read_view(view: str, said: object) -> ViewRule:
    with within(view):
        entry = section(said, "optional", "cache_ms", "last_known_s")
        return ViewRule(
            optional=flag(entry, "optional"),
            cache=number(entry, "cache_ms", 0.0) / 1000,
            last_known=number(entry, "last_known_s", 0.0),
        )


def _read_record_share(said: object) -> float:
    with within("records"):
        return number(section(said, "share"), "share", 0.0, least=0.0, most=1.0)


def _read_unit(said: object) -> UnitRule:
    with within("unit"):
        entry = section(said, "entity", "request", "each")
        if len(entry) != 1 or entry.get("each", "call") != "call":
            raise ValueError("it is {entity: NAME} or {request: NAME}; or {each: call}, where tensors are passed on")
        for source in ("entity", "request"):
            if source in entry:
                return UnitRule(source, named(entry, source))
        return UnitRule("each", "call")


def _read_table(name: str, said: object) -> Table:
    with within("arms"):
        arms = section(said, "champion", "canary", "shadows", "fallback", "salt")
        return Table(
            deployment=name,
            number=1,
            champion=named(arms, "champion"),
            salt=named(arms, "salt", name).encode(),
            canary=None if arms.get("canary") is None else _read_canary(arms["canary"]),
            shadows=tuple(_read_shadow(one) for one in listed(arms, "shadows") or ()),
            fallback=None if arms.get("fallback") is None else named(arms, "fallback"),
        )


def _read_canary(said: object) -> Canary:
    with within("canary"):
        entry = section(said, "version", "weight")
        weight = round(number(entry, "weight", least=0.0, most=1.0) * BUCKETS)
        return Canary(named(entry, "version"), weight)


def _read_shadow(said: object) -> Shadow:
    with within("shadows"):
        entry = section(said, "version", "rate")
        return Shadow(named(entry, "version"), number(entry, "rate", least=0.0, most=1.0))
