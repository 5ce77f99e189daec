"""`sluice predict` and `sluice describe`: a running gateway asked from the command line."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from gateway.client import DeadlineExceeded, Deployment, Prediction, SluiceClient, SluiceError, Tls, Unreachable

NUMBERS = frozenset({"int32", "int64"})
Scalar = int | float | str | bool


class AskError(ValueError):
    """What was typed cannot be asked; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How the gateway is reached: its address, over TLS or in clear text, and how long an answer is waited for."""

    address: str
    timeout: float
    tls: Tls | None = None

    def client(self) -> SluiceClient:
        """Return a client of it. Raises `AskError` when a file of TLS cannot be read."""
        try:
            return SluiceClient(self.address, tls=self.tls)
        except OSError as exc:
            raise AskError(f"cannot read {exc.filename}: {exc.strerror}") from exc


def predict(reach: Reach, deployment: str, values: Sequence[str], unit: str) -> int:
    """Print one prediction as JSON; return the exit status."""
    try:
        with reach.client() as client:
            wanted = client.describe(deployment, timeout=reach.timeout)
            unit, values = take_unit(wanted, unit, values)
            entities, features = sort_values(wanted, values)
            shown = client.predict(deployment, entities, features, timeout=reach.timeout, unit=unit)
    except (SluiceError, AskError) as exc:
        return _fail(exc, reach)
    print(json.dumps(_prediction_document(shown), indent=2))
    return 0


def describe(reach: Reach, deployment: str) -> int:
    """Print what a deployment wants as JSON; return the exit status."""
    try:
        with reach.client() as client:
            print(json.dumps(asdict(client.describe(deployment, timeout=reach.timeout)), indent=2))
    except (SluiceError, AskError) as exc:
        return _fail(exc, reach)
    return 0


def take_unit(wanted: Deployment, unit: str, values: Sequence[str]) -> tuple[str, list[str]]:
    """Let the unit be given under the name that the deployment has for it: session_id=s-1 is --unit s-1."""
    source, _, name = wanted.unit.partition(" ")
    if source != "request" or unit:
        return unit, list(values)
    given = [word for word in values if word.startswith(f"{name}=")]
    return (given[-1].partition("=")[2] if given else ""), [word for word in values if word not in given]


def sort_values(wanted: Deployment, values: Sequence[str]) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """Sort `name=value` words into entities and features, typed as the deployment says. Raises `AskError`."""
    entity_types = {field.name: field.type for field in wanted.entities}
    feature_types = {field.name: field.type for field in wanted.features}
    entities: dict[str, Scalar] = {}
    features: dict[str, Scalar] = {}
    for word in values:
        name, equals, text = word.partition("=")
        if not equals:
            raise AskError(f"{word!r} is not name=value")
        if name in entity_types:
            entities[name] = typed(name, entity_types[name], text)
        elif name in feature_types:
            features[name] = typed(name, feature_types[name], text)
        else:
            features[name] = _as_number(text)  # a stored feature that the caller knows better, or the gateway says no
    return entities, features


def _as_number(text: str) -> Scalar:
    try:
        return float(text)
    except ValueError:
        return text


def typed(name: str, kind: str, text: str) -> Scalar:
    """Return the text as a value of a Feast type. Raises `AskError`."""
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind in NUMBERS:
            return int(text)
        if kind in ("double", "float"):
            return float(text)
        if kind == "unix_timestamp" and text.replace(".", "", 1).isdigit():
            return float(text)
    except (KeyError, ValueError) as exc:
        raise AskError(f"{name} must be {kind}, got {text!r}") from exc
    return text


def _prediction_document(prediction: Prediction) -> dict[str, object]:
    document = asdict(prediction)
    return {name: value for name, value in document.items() if value not in ({}, ())}


def _fail(error: Exception, reach: Reach) -> int:
    print(f"sluice: {error}{_hint(error, reach)}", file=sys.stderr)
    return 1


def _hint(error: Exception, reach: Reach) -> str:
    """Say what to try when the gateway could not be spoken with."""
    if not isinstance(error, Unreachable | DeadlineExceeded):
        return ""
    if "refused" in str(error):
        return f"; nobody listens at {reach.address}: is the gateway up there? --address chooses another"
    if reach.tls is None:
        return "; if the gateway speaks TLS, give --tls-ca FILE" if isinstance(error, Unreachable) else ""
    return "; does the gateway speak TLS there, with a certificate that --tls-ca vouches for?"
