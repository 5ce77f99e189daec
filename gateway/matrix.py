"""From stored values, request features and a transform to the float32 matrix that a model takes."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.features.plan import Plan
from gateway.intake import INTEGER_TYPES

Columns = dict[str, NDArray[np.float64]]
Transform = Callable[[Mapping[str, NDArray[np.float64]]], Columns]


class MatrixError(ValueError):
    """A plan whose model inputs nothing provides."""


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
        self._transform = transform
        self._width = len(plan.features)
        places = {name: index for index, name in enumerate(self._names)}
        direct = [(at, places[name]) for at, name in enumerate(plan.features) if name in places]
        self._targets = np.array([at for at, _ in direct], dtype=np.intp)
        self._sources = np.array([source for _, source in direct], dtype=np.intp)
        self._derived = [(at, name) for at, name in enumerate(plan.features) if name not in places]
        self._check()

    def build(self, stored: NDArray[np.float64], request: Sequence[Sequence[float]]) -> NDArray[np.float32]:
        """Return shape (rows, features); `stored` is (rows, stored features), `request` is `Row.request` by row."""
        raw = np.empty((len(self._names), len(request)))
        raw[: self._stored] = stored.T
        raw[self._stored :] = np.array(request, dtype=np.float64).T.reshape(-1, len(request))
        matrix = np.empty((len(request), self._width), dtype=np.float32)
        matrix[:, self._targets] = raw[self._sources].T
        if self._transform is not None and self._derived:
            derived = self._transform(dict(zip(self._names, raw, strict=True)))
            for at, name in self._derived:
                matrix[:, at] = derived[name]
        return matrix

    def _check(self) -> None:
        if not self._derived:
            return
        wanted = {name for _, name in self._derived}
        columns = {name: np.zeros(1) for name in self._names}
        given = set() if self._transform is None else set(self._transform(columns))
        if wanted - given:
            raise MatrixError(f"model inputs {sorted(wanted - given)} come from neither the plan nor its transform")
