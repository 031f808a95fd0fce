"""The CACTI sweep read anywhere: log-log interpolation over node, width and rows, then banks, slices and far nodes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.technology.scaling import factor
from archloom.technology.sram_sweep import (
    BANKED_WIDTHS,
    BANKS,
    CELL_SIZES,
    NODES,
    ROW_AXIS,
    WIDTHS,
    Sample,
    bank_ratios,
    cubes,
    samples,
)

__all__ = ["Sweep", "sweep"]

Array = NDArray[np.float64]
NARROWEST, WIDEST = float(WIDTHS[0]), float(WIDTHS[-1])
NARROWING = np.array([0.8, 0.8, 1.0, 1.0])
"""Powers of the width below 8 bit: energies from 8 to 16 bit grow by 0.6 (many rows) to 1 (few)."""


class Sweep:
    """Interpolates the points given; the package's by `sweep()`."""

    def __init__(self, known: Iterable[Sample]) -> None:
        known = tuple(known)
        self.cubes = cubes(known)
        self.banked = bank_ratios(known, self.cubes["lstp"])

    def figures(
        self, size_bits: Any, width_bits: Any, node_nm: Any, cell: str = "lstp", banks: Any = 1
    ) -> tuple[Any, ...]:
        """Return read (pJ), write (pJ), leakage (mW) and area (um2), each of the common shape of the arguments.

        Wider than 1024 bit is so many slices side by side; narrower than 8 bit is 8 bit wide, with energy falling by the
        0.8th power of the width and area and leakage in proportion. Nodes beyond the
        sweep's are scaled from its last one.
        """
        slices = np.maximum(np.divide(width_bits, WIDEST), 1.0)
        narrow = np.minimum(np.divide(width_bits, NARROWEST), 1.0)
        log_width = np.log2(np.divide(width_bits, slices * narrow))
        log_rows = np.log2(size_bits) - np.log2(width_bits)
        found = self._read(cell, log_width, log_rows, node_nm)
        if np.any(np.not_equal(banks, 1)):
            found = found + self._bank(log_width, log_rows + log_width - 3, banks)
        found = np.exp(found + np.expand_dims(np.log(narrow), -1) * NARROWING)
        found = found * np.expand_dims(slices, -1)
        inside = np.clip(node_nm, NODES[0], NODES[-1])
        if np.all(inside == node_nm):
            return tuple(found[..., q] for q in range(4))
        scales = {quantity: factor(quantity, inside, node_nm) for quantity in ("energy", "leakage", "area")}
        return tuple(found[..., q] * scales[by] for q, by in enumerate(("energy", "energy", "leakage", "area")))

    def _read(self, cell: str, log_width: Any, log_rows: Any, node_nm: Any) -> Any:
        n, v = _place(np.log2(NODES), np.log2(node_nm))
        i, t = _place(np.log2(WIDTHS), log_width)
        j, u = _place(ROW_AXIS, log_rows)
        return _trilinear(self.cubes[cell], n, v, i, t, j, u)

    def _bank(self, log_width: Any, log_size: Any, banks: Any) -> Any:
        n, v = _place(np.log2(BANKS), np.log2(banks))
        i, t = _place(np.log2(BANKED_WIDTHS), log_width)
        j, u = _place(np.log2(CELL_SIZES), log_size)
        return _trilinear(self.banked, n, v, i, t, j, u)


def _place(axis: Array, x: Any) -> tuple[Any, Any]:
    """Cell of the axis that x lies in and how far into it, held at the ends."""
    i = np.clip(np.searchsorted(axis, x, "right") - 1, 0, len(axis) - 2)
    t = (x - axis[i]) / (axis[i + 1] - axis[i])
    return i, np.expand_dims(np.clip(t, 0.0, 1.0), -1)


def _trilinear(cube: Array, n: Any, v: Any, i: Any, t: Any, j: Any, u: Any) -> Any:
    """Values (last axis: quantities) of a cube at (n + v, i + t, j + u)."""

    def plane(n: Any) -> Any:
        def line(i: Any) -> Any:
            return cube[n, i, j] * (1 - u) + cube[n, i, j + 1] * u

        return line(i) * (1 - t) + line(i + 1) * t

    return plane(n) * (1 - v) + plane(n + 1) * v


@cache
def sweep() -> Sweep:
    """Return the sweep that comes with the package."""
    return Sweep(samples())
