"""Rows of texts, set under each other."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

GAP = "  "


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, each column as wide as its widest text; the last one ends where it ends."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(set_cell_size(text, width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
