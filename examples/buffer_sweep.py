"""How small may the buffer be, and how slow the DRAM? Two mappings of one layer on a grid of machines.

    python examples/buffer_sweep.py

Every mapping is priced on every machine in one call. A cell shows energy and latency, or `-` where the tiles do not fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import archloom as al
from archloom.model.batch import pack

FOLDER = Path(__file__).parent / "own-layer"
MAPPINGS = ("mapping.yaml", "better-mapping.yaml")
SIZES_KIB = (24, 26, 28, 30)
WORDS_PER_CYCLE = (0.25, 0.5, 1.0, 8.0)


def read(name: str) -> tuple[al.Workload, al.Architecture, al.Mapping]:
    """The layer, the machine, and the mapping in the file `name`."""
    spec = al.load(FOLDER / "layer.yaml", FOLDER / "machine.yaml", FOLDER / name)
    assert spec.workload and spec.architecture and spec.mapping  # all three sections are in the files
    return spec.workload, spec.architecture, spec.mapping


def main() -> None:
    """Price the grid and print a table for each mapping."""
    cases = [read(name) for name in MAPPINGS]
    workload, machine, _ = cases[0]
    batch = pack(workload, machine, [mapping for *_, mapping in cases])
    sizes, words = np.meshgrid(SIZES_KIB, WORDS_PER_CYCLE, indexing="ij")
    grid = {"Buffer.size_bits": sizes.ravel() * 8192, "DRAM.shared_bandwidth": words.ravel()}
    costs = al.evaluate_batch(workload, machine, batch, hardware=grid, outer=True)
    for name, energy_pj, cycles in zip(MAPPINGS, costs.energy_pj, costs.cycles, strict=True):
        print(f"\n{name}: uJ / kilocycles, by buffer size and DRAM words per cycle")
        print("         ", *(f"{bandwidth:>13}" for bandwidth in WORDS_PER_CYCLE))
        rows = zip(SIZES_KIB, energy_pj.reshape(sizes.shape), cycles.reshape(sizes.shape), strict=True)
        for size, row_pj, row_cycles in rows:
            cells = (
                f"{pj / 1e6:5.1f} / {c / 1e3:5.0f}" if np.isfinite(pj) else "-"
                for pj, c in zip(row_pj, row_cycles, strict=True)
            )
            print(f"{size:>5} KiB", *(f"{cell:>13}" for cell in cells))


if __name__ == "__main__":
    main()
