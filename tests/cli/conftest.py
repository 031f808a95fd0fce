"""The command line as users meet it: a process of its own, or faster in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from archloom.cli import mapping_progress, streams
from archloom.cli.main import main

LAYER = """\
workload:
  name: my_layer
  einsum: O[m,p] += W[m,c,r] * I[c,p+r]
  bounds: {m: 8, c: 4, p: 12, r: 3}
"""
MACHINE = """\
architecture:
  name: my_machine
  levels:
    - name: DRAM
      energy: 200 pJ
      shared_bandwidth: 2 words/cycle
    - name: GLB
      size: 4 KiB
      energy: {read: 6 pJ, write: 7 pJ}
      fanout: {x: 4, y: 2}
    - name: RF
      size: 64 words
      energy: 1 pJ
  compute: {name: MAC, energy: 0.5 pJ}
"""
MAPPING = """\
mapping:
  levels:
    - {level: DRAM, temporal: c2}
    - {level: GLB, temporal: p6 m2, x: m4, y: p2}
    - {level: RF, temporal: c2 r3}
"""
NEST = """\
DRAM [ O W I ]
  for c in 0..2
GLB [ O W I ]
  for p in 0..6
  for m in 0..2
  spatial-x for m in 0..4
  spatial-y for p in 0..2
RF [ O W I ]
  for c in 0..2
  for r in 0..3
"""
TIMELOOP = """\
problem:
  shape:
    name: product
    dimensions: [M, N, K]
    data-spaces:
      - {name: A, projection: [[[M]], [[K]]]}
      - {name: B, projection: [[[K]], [[N]]]}
      - {name: Z, projection: [[[M]], [[N]]], read-write: true}
  instance: {M: 4, N: 4, K: 8}
architecture:
  version: 0.3
  subtree:
    - name: system
      local:
        - {name: DRAM, class: DRAM, attributes: {word-bits: 16}}
      subtree:
        - name: chip
          local:
            - {name: buffer, class: SRAM, attributes: {memory_depth: 256, memory_width: 16, word-bits: 16}}
            - {name: mac, class: intmac, attributes: {word-bits: 16}}
mapping:
  - {target: DRAM, type: temporal, factors: M=2 N=1 K=1, permutation: KNM}
  - {target: buffer, type: temporal, factors: M=2 N=4 K=8, permutation: KNM}
"""


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Archloom = Callable[..., Done]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1", **changes}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one case in every form, and the current one."""
    contents = {
        "layer.yaml": LAYER,
        "machine.yaml": MACHINE,
        "mapping.yaml": MAPPING,
        "mapping.nest": NEST,
        "timeloop.yaml": TIMELOOP,
        "all.yaml": LAYER + MACHINE + MAPPING,
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archloom(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Archloom:
    """Run the command line in this process; however slow that is, searches do not say how far they are."""
    for module in (mapping_progress, streams):
        monkeypatch.setattr(module, "PATIENCE_S", 600.0)

    def run(*arguments: str) -> Done:
        code = main(arguments)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run


@pytest.fixture
def process(folder: Path) -> Archloom:
    """Run the command line in a process of its own."""

    def run(*arguments: str, **changes: str) -> Done:
        command = [sys.executable, "-m", "archloom", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment(**changes), capture_output=True, check=False, timeout=60
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
