"""The CACTI sweep made whole: its points and what lies between them, as one cube per cell over node, width and rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archloom.technology.tabled import rows

__all__ = ["CELLS", "NODES", "QUANTITIES", "ROW_AXIS", "Sample", "bank_ratios", "cubes", "points", "samples"]

Array = NDArray[np.float64]
Key = tuple[int, str, int, int, int]
"""Node (nm), cell, banks, size (bytes), width (bits)."""

QUANTITIES = ("read", "write", "leakage", "area")
CELLS = ("lstp", "hp", "lop", "lstp-hp")
NODES = (22, 32, 45, 65, 90)
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
COARSE_WIDTHS = (8, 32, 64, 256)
BANKED_WIDTHS = (32, 64, 256)
BANKS = (1, 4, 16)
COARSE_SIZES = tuple(4**k for k in range(3, 13))
CELL_SIZES = tuple(4**k for k in range(6, 11))
FINE_ROWS = np.arange(5.0, 25.0)
ROW_AXIS = np.array([0.0, *FINE_ROWS, 40.0])
"""Logarithm of rows: those of the sweep, continued to 1 row and to 2**40 by the slope of each width's last octaves."""

NEAR = {22: 32, 32: 22, 65: 45}
"""The node whose figures run most alike: what a node lacks is filled by its ratio to that one at the sizes beside (90 nm: by
the guide)."""


@dataclass(frozen=True)
class Sample:
    """One valid point of the sweep: where it is, and read (pJ), write (pJ), leakage (mW), area (um2)."""

    key: Key
    figures: tuple[float, float, float, float]


@cache
def samples() -> tuple[Sample, ...]:
    """Return the valid points of the sweep."""
    return tuple(
        Sample(
            (int(row["node_nm"]), row["cell"], int(row["banks"]), int(row["size_bytes"]), int(row["width_bits"])),
            (float(row["read_pj"]), float(row["write_pj"]), float(row["leakage_mw"]), float(row["area_um2"])),
        )
        for row in rows("cacti_sram")
    )


@cache
def points() -> frozenset[Key]:
    """Return where the sweep has a valid point."""
    return frozenset(sample.key for sample in samples())


def cubes(known: Iterable[Sample]) -> dict[str, Array]:
    """Return cell -> logarithms of the four quantities over node, width and rows (`NODES`, `WIDTHS`, `ROW_AXIS`).

    The dense part of the sweep is 45 nm, lstp cells. Another node's figures are read between its own points with the smoothed course of
    the dense part as a guide, another cell's as a ratio to lstp over size. Equal to the sweep at its points.
    """
    logs = {sample.key: np.log(sample.figures) for sample in known}
    dense = _dense(logs)
    guide = _smoothed(dense)
    lstp = _across(np.log2(NODES), np.stack([dense if node == 45 else _node(logs, node, guide) for node in NODES]))
    found = {"lstp": lstp}
    for cell in CELLS[1:]:
        found[cell] = lstp + _cell_ratio(logs, cell, lstp)
    return found


def _dense(logs: dict[Key, Array]) -> Array:
    """45 nm over width and rows: gaps bridged from all sides where there are neighbours, ends continued."""
    grid = np.full((len(WIDTHS), len(FINE_ROWS), 4), np.nan)
    for i, width in enumerate(WIDTHS):
        for j, row in enumerate(FINE_ROWS):
            grid[i, j] = logs.get((45, "lstp", 1, int(2**row) * width // 8, width), np.nan)
    return _across(np.log2(WIDTHS), np.stack([_continued(line) for line in _bridged(grid)]))


def _across(axis: Array, grid: Array) -> Array:
    """Whole widths or nodes that the points lack (first axis), interpolated between those beside."""
    have = ~np.isnan(grid).any(axis=tuple(range(1, grid.ndim)))
    return _over(axis, axis[have], grid[have].reshape(have.sum(), -1)).reshape(grid.shape)


def _bridged(grid: Array) -> Array:
    """Single gaps with all eight neighbours in width and size: the surface that blends both directions (Coons)."""
    if not np.isnan(grid).any():
        return grid
    padded = np.pad(grid, ((1, 1), (2, 2), (0, 0)), constant_values=np.nan)

    def at(width: int, size: int) -> Array:
        """The grid shifted by octaves of width and size: at the same size, twice the width is half the rows."""
        i, j = 1 + width, 2 + size - width
        return padded[i : i + grid.shape[0], j : j + grid.shape[1]]

    sides = (at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)) / 2
    corners = (at(-1, -1) + at(1, 1) + at(-1, 1) + at(1, -1)) / 4
    return np.where(np.isnan(grid), sides - corners, grid)


def _continued(line: Array) -> Array:
    """One width over rows, from its known points: straight between them, the slopes of three or four octaves beyond."""
    have = np.flatnonzero(~np.isnan(line[:, 0]))
    if not len(have):
        return np.full((len(ROW_AXIS), 4), np.nan)
    where, values = FINE_ROWS[have], line[have]
    first, last = min(3, len(have) - 1), max(-5, -len(have))
    low = (values[first] - values[0]) / (where[first] - where[0])
    high = (values[-1] - values[last]) / (where[-1] - where[last])
    below = np.minimum(ROW_AXIS - where[0], 0.0)[:, None]
    above = np.maximum(ROW_AXIS - where[-1], 0.0)[:, None]
    return _over(ROW_AXIS, where, values) + low * below + high * above


def _over(x: Array, xs: Array, values: Array) -> Array:
    """All quantities interpolated over one axis, held beyond its ends."""
    return np.stack([np.interp(x, xs, values[:, q]) for q in range(values.shape[1])], axis=-1)


def _smoothed(dense: Array) -> Array:
    """The dense part without the steps that its array organisations make: those of another node are elsewhere."""
    inner = dense[:, 1:-1]
    padded = np.pad(inner, ((0, 0), (1, 1), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = dense.copy()
    smooth[:, 1:-1] = padded[:, :-2] / 4 + padded[:, 1:-1] / 2 + padded[:, 2:] / 4
    return smooth


def _sizes(width: int) -> Array:
    """Logarithm of the size (bytes) at each point of the row axis."""
    return ROW_AXIS + np.log2(width) - 3


def _node(logs: dict[Key, Array], node: int, guide: Array) -> Array:
    """A node's figures: its ratio to the guide, known at coarse widths and sizes, interpolated over both."""
    ratios = []
    for width in COARSE_WIDTHS:
        known = _column(logs, node, width)
        if not known:
            return np.full_like(guide, np.nan)
        size = np.log2(list(known))
        guided = _over(size, _sizes(width), guide[WIDTHS.index(width)])
        ratios.append((size, np.stack(list(known.values())) - guided))
    out = np.empty_like(guide)
    for i, width in enumerate(WIDTHS):
        each = np.stack([_over(_sizes(width), size, ratio) for size, ratio in ratios])
        flat = each.reshape(len(COARSE_WIDTHS), -1)
        out[i] = guide[i] + _over(np.log2([width]), np.log2(COARSE_WIDTHS), flat).reshape(guide[i].shape)
    return out


def _column(logs: dict[Key, Array], node: int, width: int) -> dict[int, Array]:
    """A node's figures by size at one width; a gap inside is filled by the ratio to the nearest node at the sizes beside."""
    known = {size: logs[key] for size in COARSE_SIZES if (key := (node, "lstp", 1, size, width)) in logs}
    near = {size: logs[key] for size in COARSE_SIZES if (key := (NEAR.get(node, 0), "lstp", 1, size, width)) in logs}
    both = [size for size in known if size in near]
    gaps = [size for size in near if size not in known and both and min(both) < size < max(both)]
    for size in gaps:
        ratio = _over(np.log2([size]), np.log2(both), np.stack([known[s] - near[s] for s in both]))[0]
        known[size] = near[size] + ratio
    return dict(sorted(known.items()))


def _cell_ratio(logs: dict[Key, Array], cell: str, lstp: Array) -> Array:
    """Ratio of another cell to lstp over nodes, widths and rows: known over size at 22 and 45 nm, 64 bit wide."""
    i = WIDTHS.index(64)
    at = {}
    for node in (22, 45):
        known = {size: logs[key] for size in CELL_SIZES if (key := (node, cell, 1, size, 64)) in logs}
        size = np.log2(list(known))
        ratio = np.stack(list(known.values())) - _over(size, _sizes(64), lstp[NODES.index(node), i])
        at[node] = np.stack([_over(_sizes(width), size, ratio) for width in WIDTHS])
    share = np.clip(np.log(np.divide(NODES, 22)) / np.log(45 / 22), 0.0, 1.0)
    return np.stack([at[22] * (1 - part) + at[45] * part for part in share])


def bank_ratios(known: Iterable[Sample], lstp: Array) -> Array:
    """Return logarithms of the ratio to one bank over `BANKS`, `BANKED_WIDTHS` and `CELL_SIZES` (45 nm)."""
    logs = {sample.key: np.log(sample.figures) for sample in known}
    ratios = np.full((len(BANKS), len(BANKED_WIDTHS), len(CELL_SIZES), 4), np.nan)
    ratios[0] = 0.0
    for b, count in enumerate(BANKS[1:], 1):
        for i, width in enumerate(BANKED_WIDTHS):
            one = _over(np.log2(CELL_SIZES), _sizes(width), lstp[NODES.index(45), WIDTHS.index(width)])
            for j, size in enumerate(CELL_SIZES):
                ratios[b, i, j] = logs.get((45, "lstp", count, size, width), np.nan) - one[j]
    for b in range(1, len(BANKS)):
        for i in range(len(BANKED_WIDTHS)):
            ratios[b, i] = _filled(ratios[b, i], ratios[3 - b, i])
    return ratios


def _filled(line: Array, other: Array) -> Array:
    """Gaps over size filled by the difference to the other count of banks at the sizes beside."""
    both = np.flatnonzero(~np.isnan(line[:, 0]) & ~np.isnan(other[:, 0]))
    if not len(both) or not np.isnan(line).any():
        return line
    x = np.arange(float(len(line)))
    guess = other + _over(x, x[both], (line - other)[both])
    return np.where(np.isnan(line), guess, line)
