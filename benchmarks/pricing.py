"""Seconds that prices take: one price, 100,000 variants in one call, and architecture files priced per second.

Run: python benchmarks/pricing.py [--variants N] [--runs N]

Each is run N times and the least time is shown. The variants are SRAMs of random sizes (1 KiB to 8 MiB), widths and nodes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from machines import machine_name

from archloom import load_architecture
from archloom.technology import price

ARCHITECTURE = """\
architecture:
  word: 16 bit
  node: 28 nm
  technology: library
  levels:
    - {name: DRAM, class: dram, type: LPDDR4, block: 4}
    - {name: Buffer, class: sram, size: 128 KiB, block: 4, fanout: 16}
    - {name: Shared, class: sram, size: 8 KiB, block: 4, fanout: 8}
    - {name: Spad, class: regfile, size: 224 words}
  compute: {name: MAC, class: int_mac}
"""
"""A file whose figures all come from the library; `technology: none` leaves it unpriced."""

SINGLE = {
    "sram": {"size_bits": 2**20, "width_bits": 64, "node_nm": 28},
    "regfile": {"size_bits": 2**12, "width_bits": 16, "node_nm": 28},
    "dram": {"type": "HBM2", "width_bits": 64},
    "int_mac": {"bits": 8, "node_nm": 28},
    "smartbuffer": {"size_bits": 2**20, "width_bits": 64, "node_nm": 28},
    "adc": {"enob": 8, "rate_hz": 1e9, "node_nm": 28},
}


def least(run: Callable[[], object], runs: int, repeat: int = 1) -> float:
    """Least seconds of one run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(repeat):
            run()
        times.append((time.perf_counter() - start) / repeat)
    return min(times)


def variants(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "size_bits": np.rint(2 ** rng.uniform(13, 26, count)),
        "width_bits": 2.0 ** rng.integers(3, 10, count),
        "node_nm": rng.choice([90.0, 65.0, 45.0, 40.0, 32.0, 28.0, 22.0, 16.0, 14.0, 10.0, 7.0], count),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--variants", type=int, default=100_000, help="variants in one call")
    arguments.add_argument("--runs", type=int, default=7, help="runs of each")
    options = arguments.parse_args()
    print(f"machine: {machine_name()}")
    print("one price, ms")
    for name, request in SINGLE.items():
        print(f"  {name:12}{least(lambda n=name, r=request: price(n, **r), options.runs, 100) * 1e3:8.3f}")
    many = variants(options.variants)
    print(f"{options.variants:,} variants in one call, ms")
    for cell in ("lstp", "hp"):
        print(f"  sram {cell:7}{least(lambda c=cell: price('sram', cell=c, **many), options.runs) * 1e3:8.1f}")
    print(f"  {'smartbuffer':12}{least(lambda: price('smartbuffer', **many), options.runs) * 1e3:8.1f}")
    macs = {"bits": many["width_bits"].clip(max=64), "node_nm": many["node_nm"]}
    print(f"  {'int_mac':12}{least(lambda: price('int_mac', **macs), options.runs) * 1e3:8.1f}")
    unpriced = ARCHITECTURE.replace("technology: library", "technology: none")
    whole, rest = (least(lambda t=text: load_architecture(t), options.runs, 10) for text in (ARCHITECTURE, unpriced))
    print("an architecture file of 5 components, ms")
    print(f"  {'read, priced':14}{whole * 1e3:6.2f}")
    print(
        f"  {'of it pricing':14}{(whole - rest) * 1e3:6.2f}   {1 / (whole - rest):,.0f} architectures priced per second"
    )


if __name__ == "__main__":
    main()
