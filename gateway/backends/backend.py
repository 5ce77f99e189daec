"""The seam to whatever executes a bundle."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class BackendError(RuntimeError):
    """The backend could not score these rows; the cause is kept."""


class Backend(Protocol):
    """Scores lists of rows. Called from one event loop; runs may overlap; a cancelled run leaves no trace."""

    async def run(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score `rows`, shape (rows, features), and return shape (rows,). Raises `BackendError`."""

    async def close(self) -> None:
        """Release what the backend holds; it is not run again."""
