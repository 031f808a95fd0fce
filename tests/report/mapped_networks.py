"""Networks as if they had been mapped: evaluations of the tests' own mappings, with made-up certificates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tests.report.conftest import CONV, NEST, ROWS

from archloom.architecture.hierarchy import Architecture
from archloom.mapping.nest import LevelNest, Loop, Mapping
from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.search.events import Step
from archloom.search.network_mapping import LayerMapping, Missing, NetworkMapping, Options, Unmapped
from archloom.search.objective import objective_of
from archloom.workload.layers import gemm
from archloom.workload.network import Skipped

EDP = objective_of("edp")
KEEP_ALL = frozenset({"Weights", "Inputs", "Outputs"})
FC = gemm("fc", M=4, N=48, K=96)
FC_NEST = Mapping(
    (
        LevelNest("RF", (Loop("M", 4),), keep=KEEP_ALL),
        LevelNest("GLB", (Loop("N", 4),), x=(Loop("N", 12),), keep=KEEP_ALL - {"Weights"}),
        LevelNest("DRAM", (Loop("K", 96),), keep=KEEP_ALL),
    )
)


def mapped(
    evaluation: Evaluation, *names: str, count: int = 1, gap: float = 0.0, space: int | None = 10**21
) -> LayerMapping:
    """A layer whose certificate leaves this gap."""
    value = EDP.value(evaluation.energy_pj, evaluation.cycles)
    steps = (
        Step(0.5, math.inf, 0.2 * value, 0),
        Step(0.75, 1.3 * value, 0.5 * value, 3),
        Step(2, value, value * (1 - gap), 7),
    )
    return LayerMapping(
        names=names or (evaluation.workload.name,),
        count=count,
        evaluation=evaluation,
        objective=value,
        bound=value * (1 - gap),
        finished=not gap,
        space_size=space,
        priced=7,
        cpu_s=1.5,
        excluded={"bound": 12, "dominance": 345},
        steps=steps,
    )


def network(layers: Sequence[LayerMapping], architecture: Architecture = ROWS, name: str = "net") -> NetworkMapping:
    """The layers as a network, with something skipped."""
    skipped = (
        Skipped("relu1", "Relu", 1000),
        Skipped("relu2", "Relu", 24),
        Skipped("shape", "Shape", None, "moves data"),
    )
    return NetworkMapping(name, architecture, Options(EDP, time_limit_s=60.0), tuple(layers), skipped)


def small_network(architecture: Architecture = ROWS) -> NetworkMapping:
    """A convolution that stands four times in its network, and a matrix product that is not proven."""
    conv = mapped(evaluate(CONV, architecture, NEST), "conv1", "conv2", count=4)
    product = evaluate(FC, architecture, FC_NEST)
    return network([conv, mapped(product, gap=0.125)], architecture)


def large_network(layers: int) -> NetworkMapping:
    """Many layers."""
    conv = evaluate(CONV, ROWS, NEST)
    return network([mapped(conv, f"block{at}.conv", count=1 + at % 3, gap=0.01 * (at % 2)) for at in range(layers)])


def without_layer(mapping: NetworkMapping) -> NetworkMapping:
    """The same with its last layer unmapped."""
    last = mapping.layers[-1]
    missing = Unmapped(last.names, last.count, last.workload, Missing.NONE_EXISTS, "no tile of it fits <RF>")
    return replace(mapping, layers=mapping.layers[:-1], unmapped=(missing,))
