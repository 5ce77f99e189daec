"""How a graph is made to misbehave: nodes behind its own, which a call of odd cents sets going."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TRAITS = ("alike", "nan", "fails", "shape", "slow-run", "slow-row", "hangs", "eats", "big")
"""None at all; NaN scores; a run that fails; one score too many; a run or a row that costs time; a run that never ends;
one that fills memory; a file of so many megabytes that is otherwise well."""

INPUT, SCORE, FINE = "features", "score", "fine_score"
_AMOUNT = 0  # the column of fraud's amount, in cents
_EVER = 2**62
_FLOATS_A_MEGABYTE = 2**18

Nodes = list[onnx.NodeProto]
Constants = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the graph shall do. `turns` are of the loop that burns time."""

    trait: str
    always: bool
    turns: int = 0
    megabytes: int = 0


@dataclass(slots=True)
class _Parts:
    """The nodes and constants that are put behind the graph."""

    nodes: Nodes = field(default_factory=list)
    constants: Constants = field(default_factory=dict)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"hard_{output}", **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = value
        return name


def harden(model: onnx.ModelProto, wish: Wish) -> onnx.ModelProto:
    """Return the model with the trait; its input, its output and what it scores until then stay as they are."""
    if wish.trait == "alike":
        return model
    graph = model.graph
    for node in graph.node:
        for at, name in enumerate(node.output):
            if name == SCORE:
                node.output[at] = FINE
    parts = _Parts()
    _sense(parts, wish.always)
    _MADE[wish.trait](parts, wish)
    graph.node.extend(parts.nodes)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in parts.constants.items())
    onnx.checker.check_model(model)
    return model


def burn(turns: str, burnt: str) -> tuple[Nodes, Constants]:
    """Return a loop of so many turns; `burnt` depends on all of them, so nothing can leave one out."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Sin", ["heat"], ["hotter"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("heat", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("still_going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("hotter", TensorProto.FLOAT, [1]),
        ],
    )
    loop = helper.make_node("Loop", [turns, "always_going", "cold"], [burnt], name="burn", body=body)
    return [loop], {"always_going": np.array(True), "cold": np.array([1.0], dtype=np.float32)}


def _sense(parts: _Parts, always: bool) -> None:
    """Make `odd` (bool, a row each: set going) and `any_odd` (0 or 1, of the run) and `rows` (how many are)."""
    amount = parts.add("Gather", [INPUT, parts.constant("amount_at", np.array([_AMOUNT]))], "amount", axis=1)
    cents = parts.add("Sub", [amount, parts.add("Floor", [amount], "whole_amount")], "cents")
    limit = parts.constant("limit", np.array(-1.0 if always else 0.25, dtype=np.float32))
    odd = parts.add("Greater", [cents, limit], "odd")
    counted = parts.add("Cast", [odd], "odd_counted", to=TensorProto.INT64)
    parts.add("ReduceMax", [counted], "any_odd", keepdims=0)
    parts.add("ReduceSum", [counted], "rows", keepdims=0)


def _burn_turns(parts: _Parts, times: str, turns: int) -> None:
    """Burn `turns` for each of `times`, and give out the score as it was."""
    many = parts.constant("turns_each", np.array(turns, dtype=np.int64))
    nodes, constants = burn(parts.add("Mul", [times, many], "turns"), "burnt")
    parts.nodes += nodes
    parts.constants |= constants
    _add_nothing(parts, "burnt")


def _add_nothing(parts: _Parts, of: str) -> None:
    """Add zero times something to the score: it must be computed, and changes nothing."""
    nothing = parts.add("Mul", [of, parts.constant("zero", np.array(0.0, dtype=np.float32))], "nothing")
    parts.add("Add", [FINE, nothing], SCORE)


def _nan(parts: _Parts, _: Wish) -> None:
    zero = parts.add("Sub", [FINE, FINE], "no_score")
    parts.add("Where", ["odd", parts.add("Div", [zero, zero], "not_a_number"), FINE], SCORE)


def _fails(parts: _Parts, _: Wish) -> None:
    """Take an element from beyond the end: onnxruntime ends the run with an error."""
    one = parts.constant("one_element", np.array([0.0], dtype=np.float32))
    _add_nothing(parts, parts.add("Gather", [one, "any_odd"], "taken"))


def _shape(parts: _Parts, _: Wish) -> None:
    begin = parts.constant("begin", np.array([0]))
    end = parts.add("Unsqueeze", ["any_odd", parts.constant("first_axis", np.array([0]))], "end")
    parts.add("Concat", [FINE, parts.add("Slice", [FINE, begin, end], "one_more")], SCORE, axis=0)


def _slow_run(parts: _Parts, wish: Wish) -> None:
    _burn_turns(parts, "any_odd", wish.turns)


def _slow_row(parts: _Parts, wish: Wish) -> None:
    _burn_turns(parts, "rows", wish.turns)


def _hangs(parts: _Parts, _: Wish) -> None:
    _burn_turns(parts, "any_odd", _EVER)


def _eats(parts: _Parts, wish: Wish) -> None:
    floats = parts.constant("floats_each", np.array([wish.megabytes * _FLOATS_A_MEGABYTE]))
    size = parts.add("Mul", [floats, "any_odd"], "eaten_size")
    eaten = parts.add("ConstantOfShape", [size], "eaten")
    total = parts.add("ReduceSum", [eaten], "eaten_sum", keepdims=0)
    _add_nothing(parts, total)


def _big(parts: _Parts, wish: Wish) -> None:
    """Carry weights that a run reads one row of."""
    rows = wish.megabytes * _FLOATS_A_MEGABYTE // 1024
    weights = np.random.default_rng(7).random((rows, 1024), dtype=np.float32)
    row = parts.add("Gather", [parts.constant("weights", weights), "any_odd"], "one_row", axis=0)
    _add_nothing(parts, parts.add("ReduceSum", [row], "one_row_sum", keepdims=0))


_MADE: dict[str, Callable[[_Parts, Wish], None]] = {
    "nan": _nan,
    "fails": _fails,
    "shape": _shape,
    "slow-run": _slow_run,
    "slow-row": _slow_row,
    "hangs": _hangs,
    "eats": _eats,
    "big": _big,
}
