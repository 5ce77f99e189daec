"""Owns what a deployment must bring so that the one pipeline can build it: its `Recipe`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.history import History

EXAMPLE = "example"  # the example's number: breaks ties of time, so that the order is one and the same
LABEL = "label"
LABEL_VISIBLE_AT = "label_visible_at"

Mask = NDArray[np.bool_]
Columns = Mapping[str, NDArray[np.float64]]
Transform = Callable[[Columns], dict[str, NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A deployment's events, the last call that they tell of, and what was dropped on the way, in words."""

    events: pd.DataFrame
    last_call: pd.Timestamp
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A named way to part the frame into rows to learn from and later rows to be judged on."""

    name: str
    train: Callable[[pd.DataFrame], Mask]
    test: Callable[[pd.DataFrame], Mask]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes one deployment: the pipeline knows nothing else of it."""

    name: str
    read_events: Callable[[Path], Cleaned]
    histories: tuple[History, ...]
    examples: Callable[[pd.DataFrame], pd.DataFrame]
    transform: Transform
    splits: tuple[Split, ...]  # the first one makes the bundles; the others are judged and thrown away
    slices: Mapping[str, Callable[[pd.DataFrame], Mask]] = field(default_factory=dict)
