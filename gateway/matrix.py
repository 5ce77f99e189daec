"""From stored values, request features and a transform to the float32 matrix that a model takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.features.plan import Plan
from gateway.intake import INTEGER_TYPES, Row

Columns = dict[str, NDArray[np.float64]]
Transform = Callable[[Mapping[str, NDArray[np.float64]]], Columns]


class MatrixError(ValueError):
    """A plan whose model inputs nothing provides."""


class _Columns(Mapping[str, NDArray[np.float64]]):
    """A table's columns by name, each looked up when the transform asks for it: it asks for a few of many."""

    def __init__(self, table: NDArray[np.float64], places: Mapping[str, int]) -> None:
        self._table = table
        self._places = places

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._table[:, self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def matrix_of(rows: Sequence[Row]) -> NDArray[np.float32]:
    """Return the matrix, shape (rows, features), of rows whose callers sent the model's whole input."""
    vectors = [row.call.vector or b"" for row in rows]
    return np.frombuffer(bytearray().join(vectors), "<f4").reshape(len(rows), -1)


class MatrixBuilder:
    """Builds matrices for one plan. Raises `MatrixError` when a model input has no source."""

    def __init__(self, plan: Plan, transform: Transform | None) -> None:
        integer_keys = [key.name for key in plan.entities if key.type in INTEGER_TYPES]
        self._names = [
            *(feature.name for feature in plan.stored),
            *(feature.name for feature in plan.request),
            *integer_keys,
        ]
        self._stored = len(plan.stored)
        self._given = len(self._names)
        self._transform = transform
        self._derived = [name for name in plan.features if name not in self._names]
        self._places = {name: at for at, name in enumerate(self._names)}
        places = self._places | {name: at for at, name in enumerate(self._derived, self._given)}
        self._order = np.array([places[name] for name in plan.features], dtype=np.intp)
        self._check()

    def build(self, stored: NDArray[np.float64], request: Sequence[Sequence[float]]) -> NDArray[np.float32]:
        """Return shape (rows, features); `stored` is (rows, stored features), `request` is `Row.request` by row."""
        table = np.empty((len(request), self._given + len(self._derived)))
        table[:, : self._stored] = stored
        table[:, self._stored : self._given] = request
        with np.errstate(all="ignore"):  # what is not finite is refused by the lane, row by row
            if self._derived:
                derived = {} if self._transform is None else self._transform(_Columns(table, self._places))
                for at, name in enumerate(self._derived, self._given):
                    table[:, at] = derived[name]
            return table.take(self._order, axis=1).astype(np.float32)

    def _check(self) -> None:
        """Build one row of zeros: what a transform gives, and how it takes its columns, shows only when it runs."""
        if not self._derived:
            return
        try:
            self.build(np.zeros((1, self._stored)), np.zeros((1, self._given - self._stored)).tolist())
        except KeyError as exc:
            raise MatrixError(f"model input {exc} comes from neither the plan nor its transform") from exc
        except (AttributeError, TypeError) as exc:
            raise MatrixError(f"the transform cannot take its columns, which may only be read by name: {exc}") from exc
