"""How the figures are printed."""

from __future__ import annotations

from collections.abc import Iterable

Row = tuple[str, ...]


def milliseconds(seconds: float) -> str:
    """Milliseconds with their unit."""
    return f"{seconds * 1_000:.2f} ms"


def microseconds(seconds: float) -> str:
    """Microseconds with their unit."""
    return f"{seconds * 1_000_000:.2f} µs"


def ratio(one: float, other: float) -> str:
    """How many times the other the one is."""
    return f"{one / other:.1f}×"


def table(title: str, heads: Row, rows: Iterable[Row]) -> str:
    """A title and aligned columns; all but the first are figures, and stand to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    text = [title, ""]
    for line in lines:
        first, *figures = line
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
