"""A space of real machines and one small layer, judged by the real judge: every design at its proven best mapping, or at given ones."""

from __future__ import annotations

from functools import cache

import numpy as np

from archloom.exploration.base import Proposal, Scores
from archloom.exploration.joint import JointSpace
from archloom.exploration.judge import Judge
from archloom.exploration.request import Request
from archloom.exploration.space_file import load_space

SPACE = """
explore:
  networks: [{workload: {name: product, gemm: {M: 4, N: 8, K: 6}}}]
  parameters:
    columns: [2, 3, 4, 8]
    rows: 24 // columns
    levels.Buffer.size: {log2: [256 bit, 4096 bit]}
    levels.Registers.size: [1 words, 2 words, 4 words, 8 words]
  constraints: [levels.Registers.size * 8 <= levels.Buffer.size]
  objectives: [edp]
architecture:
  name: systolic
  word: 8 bit
  node: 45 nm
  clock: 500 MHz
  variables: {columns: 4, rows: 6}
  levels:
    - {name: DRAM, class: dram, type: LPDDR4, width: 64, shared_bandwidth: 8 words/cycle, keep: all}
    - {name: Buffer, class: sram, size: 2048 bit, width: 64, shared_bandwidth: 16 words/cycle, keep: all, fanout: {x: columns, y: rows}}
    - {name: Registers, class: regfile, size: 4 words, keep: outputs, bypass: [inputs, weights]}
  compute: {name: MAC, class: int_mac}
constraints:
  - {level: Buffer, x: {dims: [N]}, y: {dims: [K, M]}}
"""


@cache
def request() -> Request:
    return load_space(SPACE)


def joint() -> JointSpace:
    return JointSpace(request().space, request().machines, request().suite.layers)


@cache
def judge() -> Judge:
    return Judge(request(), memo=False)


@cache
def truth() -> tuple[np.ndarray, Scores]:
    """All admitted designs in the order of the grid, and their scores at their best mappings."""
    designs = np.concatenate(list(request().space.blocks(1000)))
    return designs, scored(Proposal(designs))


def scored(proposal: Proposal) -> Scores:
    """What the judge says of designs, or of designs with mappings."""
    columns = judge()(proposal).columns
    return Scores(columns["objective:edp"][:, None], columns["excess"])


def looked_up(proposal: Proposal) -> Scores:
    """The scores of designs at their best mappings, without judging them again."""
    designs, scores = truth()
    places = request().space.flat(designs)
    return scores.rows(np.searchsorted(places, request().space.flat(proposal.designs)))
