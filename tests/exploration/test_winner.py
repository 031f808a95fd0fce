"""A design as a file: what is read back is the machine that was judged."""

from __future__ import annotations

import numpy as np
import pytest

from archloom.exploration.space_file import load_space
from archloom.exploration.winner import design_yaml
from archloom.spec import load

LINKED = """\
explore:
  networks: {network: resnet18}
  architecture: eyeriss
  parameters:
    levels.GLB.size: {log2: [16 KiB, 256 KiB]}
    array.x: {divisors_of: 168}
    array.y: 168 // array.x
    levels.weight_spad.size: [96 words, 192 words]
"""
WORDS = """\
explore:
  networks: {network: resnet18}
  parameters:
    levels.GLB.size: [64 KiB, 128 KiB]
    variables.lanes: [1, 2]
  objectives: [energy]
variables: {lanes: 2, node: "1e1"}
architecture:
  name: "on"
  clock: 1 GHz
  word: 16 bit
  levels:
    - {name: DRAM, energy: 200 pJ}
    - {name: GLB, size: 128 KiB, energy: {read: 6 pJ, write: 7 pJ}, fanout: {x: lanes, y: 4}}
  compute: {name: MAC, energy: 0.5 pJ}
constraints:
  - {level: GLB, x: {dims: [filters]}}
"""


@pytest.mark.parametrize("text", [LINKED, WORDS])
def test_a_design_is_read_back(text: str) -> None:
    request = load_space(text)
    for design in request.space.sample(np.random.default_rng(0), 6):
        spec = request.machines.spec(design)
        written = design_yaml(request, design, title="design 3\nof a study")
        assert written.startswith("# design 3\n# of a study\n")
        read = load(written)
        assert read.architecture == spec.architecture
        assert len(read.constraints) == len(spec.constraints)
        assert max(map(len, written.split("\n"))) <= 160
