"""From a call to a row: every name and type checked against the deployment's plan, or one clear refusal.

This is where one caller's bad input ends. What leaves here is safe to lie in one matrix with everybody else's rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isfinite
from struct import Struct
from typing import Protocol

from gateway.call import Answer, Call, Scalar
from gateway.deployment import UnitRule
from gateway.errors import GatewayError, InvalidRequest
from gateway.features.keys import EntityError
from gateway.features.plan import Plan, RequestFeature
from routing.table import NOT_DRAWN

INTEGER_TYPES = frozenset({"int32", "int64"})
FLOAT32_MAX = 3.4028234663852886e38


@dataclass(slots=True, eq=False)
class Row:
    """A checked call. `request` holds the request features, then the integer join keys, in the matrix's order.

    `overrides` are stored features that the caller sent himself. `settle` answers the call, the first time only.
    """

    call: Call
    unit: str
    keys: tuple[bytes, ...]
    request: list[float]
    overrides: dict[str, float] | None
    settled: bool = False
    number: int = 0
    """Its unit's, by which a judge tells units apart; set where there is one."""

    def settle(self, result: Answer | GatewayError) -> None:
        """Reply, unless the row was answered before (its deadline may have passed while its list went on)."""
        if not self.settled:
            self.settled = True
            self.call.reply(result)


class RowReader(Protocol):
    """Checks calls of one deployment."""

    def read(self, call: Call) -> Row:
        """Return the call's row. Raises `InvalidRequest` with what is wrong and what would be right."""


class Intake:
    """Checks calls of one deployment. `event_now` reads the deployment's clock, in unix seconds.

    `vectors` says whether callers may send the model's whole input.
    """

    def __init__(self, plan: Plan, unit: UnitRule, event_now: Callable[[], float], vectors: bool = True) -> None:
        self._plan = plan
        self._unit = unit
        self._event_now = event_now
        self._request = tuple([(feature, *_limits(feature)) for feature in plan.request])
        self._request_names = frozenset(feature.name for feature in plan.request)
        self._stored = {feature.name: feature for feature in plan.stored}
        self._entities = frozenset(key.name for key in plan.entities)
        self._unit_is_integer = any(key.name == unit.name and key.type in INTEGER_TYPES for key in plan.entities)
        self._integer_keys = tuple(key.name for key in plan.entities if key.type in INTEGER_TYPES)
        self._takes_vectors = vectors
        self._vector = Struct(f"<{len(plan.features)}f")

    def read(self, call: Call) -> Row:
        """Return the call's row. Raises `InvalidRequest` with what is wrong and what would be right."""
        if call.vector is not None:
            return self._read_vector(call, call.vector)
        entities = call.entities
        if entities.keys() != self._entities:
            raise InvalidRequest(self._explain_entities(call))
        try:
            keys = self._plan.row_keys(entities)
        except EntityError as exc:
            raise InvalidRequest(str(exc)) from exc
        values, found = self._read_request(call)
        overrides = None if found == len(call.features) else self._read_overrides(call)
        values.extend([float(entities[name]) for name in self._integer_keys])
        return Row(call, self._read_unit(call), keys, values, overrides)

    def _read_vector(self, call: Call, vector: bytes) -> Row:
        """The model's whole input came with the call: neither keys nor request features are needed."""
        if not self._takes_vectors:
            raise InvalidRequest(f"deployment {call.deployment} keeps its answers by what was asked: send entities")
        if call.entities or call.features:
            raise InvalidRequest("the model's whole input came with entities or features: send the one or the others")
        if len(vector) != self._vector.size:
            wanted, got = len(self._plan.features), len(vector) / 4
            raise InvalidRequest(f"the model of {call.deployment} takes {wanted} values of float32, got {got:g}")
        if not all(map(isfinite, self._vector.unpack(vector))):
            raise InvalidRequest(f"the model of {call.deployment} takes finite values only")
        return Row(call, self._read_vector_unit(call), (), [], None, number=NOT_DRAWN)

    def _read_vector_unit(self, call: Call) -> str:
        """No entity says it, so the caller must; the same unit is written in one way, as if its entity had come."""
        unit = call.unit
        if not unit:
            raise InvalidRequest(f"deployment {call.deployment} needs a unit: send its {self._unit.name} as `unit`")
        if not self._unit_is_integer:
            return unit
        if not (unit.isascii() and unit.removeprefix("-").isdigit()):
            raise InvalidRequest(
                f"the unit of {call.deployment} is a whole number, its {self._unit.name}; got {unit!r:.60}"
            )
        return str(int(unit))

    def _read_request(self, call: Call) -> tuple[list[float], int]:
        """Return the values in the plan's order, and how many of them the caller sent."""
        features, found, values = call.features, 0, []
        for feature, lowest, highest in self._request:
            value = features.get(feature.name)
            if value is None:
                values.append(self._absent(feature))
                continue
            found += 1
            # The common case in two comparisons, which NaN and infinity fail; the rest is read, or refused, in full.
            if type(value) is float and lowest <= value <= highest:
                values.append(value)
            else:
                values.append(read_number(feature, value))
        return values, found

    def _absent(self, feature: RequestFeature) -> float:
        """Only a time may be left out: it is now on the deployment's clock."""
        if feature.required:
            raise InvalidRequest(f"request feature {feature.name} ({feature.type}) is missing")
        return self._event_now()

    def _read_overrides(self, call: Call) -> dict[str, float]:
        """Stored features that the caller knows better: his value stands in for the stored one."""
        overrides = {}
        for name, value in call.features.items():
            if name in self._request_names:
                continue
            stored = self._stored.get(name)
            if stored is None:
                raise InvalidRequest(self._unknown(call.deployment, name))
            overrides[name] = read_number(RequestFeature(stored.name, stored.type, required=False), value)
        return overrides

    def _unknown(self, deployment: str, name: str) -> str:
        if (self._unit.source, self._unit.name) == ("request", name):
            return f"{name} is no feature of {deployment}, it is the unit: send it as `unit`"
        return f"deployment {deployment} knows no feature {name!r:.60}; it takes {sorted(self._request_names)}"

    def _read_unit(self, call: Call) -> str:
        if self._unit.source == "request":
            if not call.unit:
                raise InvalidRequest(f"deployment {call.deployment} needs a unit: send its {self._unit.name} as `unit`")
            return call.unit
        value = call.entities[self._unit.name]
        unit = str(int(value) if self._unit_is_integer else value)  # "007" is 7: one entity, one unit
        if call.unit and call.unit != unit:
            raise InvalidRequest(f"the unit of {call.deployment} is its entity {self._unit.name}; send no other")
        return unit

    def _explain_entities(self, call: Call) -> str:
        wanted = ", ".join(f"{key.name} ({key.type})" for key in self._plan.entities)
        got = ", ".join([name[:60] for name in sorted(call.entities)[:10]]) or "none"
        return f"deployment {call.deployment} wants the entities {wanted}; got {got}"


def read_number(feature: RequestFeature, value: Scalar) -> float:
    """Return the value as the model will see it. Raises `InvalidRequest` when type, range or finiteness is wrong."""
    number = _as_number(feature, value)
    if not isfinite(number):
        raise InvalidRequest(f"request feature {feature.name} must be finite, got {value}")
    if abs(number) > FLOAT32_MAX:
        raise InvalidRequest(f"request feature {feature.name} is too large for a model of float32, got {value}")
    if feature.min is not None and number < feature.min:
        raise InvalidRequest(f"request feature {feature.name} must be at least {feature.min:g}, got {value}")
    if feature.max is not None and number > feature.max:
        raise InvalidRequest(f"request feature {feature.name} must be at most {feature.max:g}, got {value}")
    return number


def _limits(feature: RequestFeature) -> tuple[float, float]:
    """Return the lowest and the highest float that is taken as it is: none for types that want a closer look."""
    if feature.type not in ("double", "float", "unix_timestamp"):
        return inf, -inf
    lowest = -FLOAT32_MAX if feature.min is None else feature.min
    return lowest, FLOAT32_MAX if feature.max is None else feature.max


def _as_number(feature: RequestFeature, value: Scalar) -> float:
    wanted = feature.type
    if wanted == "bool":
        if isinstance(value, bool):
            return float(value)
    elif wanted == "unix_timestamp" and isinstance(value, str):
        return _as_timestamp(feature, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return _as_float(feature, value)
    elif isinstance(value, float) and (wanted not in INTEGER_TYPES or value.is_integer()):
        return value
    raise InvalidRequest(f"request feature {feature.name} must be {wanted}, got {type(value).__name__} {value!r:.60}")


def _as_float(feature: RequestFeature, value: int) -> float:
    try:
        return float(value)
    except OverflowError as exc:
        raise InvalidRequest(f"request feature {feature.name} is too large") from exc


def _as_timestamp(feature: RequestFeature, value: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as exc:
        raise InvalidRequest(
            f"request feature {feature.name} must be unix seconds or ISO 8601, got {value!r:.60}"
        ) from exc
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
