"""CPU-seconds from a cold start: the interpreter alone, `import archloom`, `archloom --help`, and `archloom evaluate` of files.

Run: python benchmarks/startup.py [--runs N]

Each command runs N times in a process of its own; the least of its user and system seconds is shown, since a busy machine only
ever adds to it, and the least wall-clock seconds beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from machines import machine_name

ROOT = Path(__file__).resolve().parents[1]
LAYER = [str(ROOT / "examples/own-layer" / name) for name in ("layer.yaml", "machine.yaml", "mapping.yaml")]
COMMANDS = {
    "python alone": ["-c", "pass"],
    "import archloom": ["-c", "import archloom"],
    "archloom --help": ["-m", "archloom", "--help"],
    "archloom evaluate": ["-m", "archloom", "evaluate", *LAYER],
    "archloom evaluate --json": ["-m", "archloom", "evaluate", "--json", *LAYER],
}


def seconds(arguments: list[str]) -> tuple[float, float]:
    """(CPU, wall-clock) seconds of one run of this Python; stops if it fails."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed with exit code {process.returncode}: python {' '.join(arguments)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=7, help="runs of each command")
    options = arguments.parse_args()
    print(f"machine: {machine_name()}")
    print(f"{'':26}{'CPU s':>8}{'wall s':>8}")
    for name, command in COMMANDS.items():
        runs = [seconds(command) for _ in range(options.runs)]
        print(f"{name:26}{min(cpu for cpu, _ in runs):8.2f}{min(wall for _, wall in runs):8.2f}")


if __name__ == "__main__":
    main()
