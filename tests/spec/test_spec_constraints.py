"""A machine's constraints in YAML: what they say, and what they mean for a mapspace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import archloom as al
from archloom.errors import InputError, Place
from archloom.mapspace import Constraints, FactorRule, LevelConstraints, MapSpace
from archloom.spec import Spec
from archloom.spec.constraints import FactorRule as SpecFactor
from archloom.spec.constraints import LevelRules, mapspace_constraints

MACHINE = """
architecture:
  name: machine
  levels:
    - {name: DRAM, keep: all}
    - {name: GLB, size: 64 KiB, fanout: {x: 4, y: 4}}
    - {name: RF, size: 64 words}
  compute: {}
"""
LAYER = """
workload:
  einsum: O[m,p] += W[m,c,r] * I[c,p+r]
  bounds: {m: 8, p: 12, c: 4, r: 3}
"""


def read(text: str) -> Spec:
    return al.load(MACHINE, LAYER, f"constraints:\n{text}")


def _without_places(given: Constraints) -> Constraints:
    def bare(level: LevelConstraints) -> LevelConstraints:
        kinds = ("temporal", "spatial", "x", "y")
        rules = {kind: tuple(replace(rule, place=None) for rule in getattr(level, kind)) for kind in kinds}
        return replace(level, place=None, **rules)

    return replace(given, levels=tuple(map(bare, given.levels)))


def test_everything_at_once() -> None:
    text = """
  - level: GLB
    keep: inputs
    bypass: [weights]
    temporal: {dims: [m, pixels, z], factors: {m: 2, p: <= 4, c: ">= 2", r: rest}, order: [m, ..., p, r]}
    spatial: {dims: [m, c, r], factors: {m: "<= 4"}}
    x: {dims: [m, c], factors: {c: 2}}
    y: {dims: [m, r]}
    no_multicast: inputs
    no_reuse: [outputs]
    parallelism: {min: 2, max: 8}
    utilization: 0.5
  - parallelism: ">= 4"
"""
    assert _without_places(read(text).mapspace_constraints()) == Constraints(
        (
            LevelConstraints(
                "GLB",
                temporal=(
                    FactorRule("m", "=", 2),
                    FactorRule("p", "<=", 4),
                    FactorRule("c", ">=", 2),
                    FactorRule("r", "=", 0),
                ),
                spatial=(FactorRule("m", "<=", 4),),
                x=(FactorRule("c", "=", 2),),
                temporal_dims=frozenset({"m", "pixels", "z"}),
                x_dims=frozenset({"m", "c"}),
                y_dims=frozenset({"m", "r"}),
                order_inner=("r", "p"),
                order_outer=("m",),
                keep=frozenset({"inputs"}),
                bypass=frozenset({"weights"}),
                no_multicast=frozenset({"inputs"}),
                no_reuse=frozenset({"outputs"}),
                min_parallelism=2,
                max_parallelism=8,
                min_utilization=0.5,
                strict=False,
            ),
        ),
        min_total_parallelism=4,
    )


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("4", (4, 4)),
        ("<= 4", (1, 4)),
        ('">= 2 * 2"', (4, None)),
        ("{min: 2}", (2, None)),
        ("{max: 2 ** 3}", (1, 8)),
        ("{}", (1, None)),
    ],
)
def test_parallelism(text: str, limits: tuple[int, int | None]) -> None:
    assert read(f"  - {{level: GLB, parallelism: {text}}}\n").constraints[0].parallelism == limits
    total = read(f"  - {{parallelism: {text}}}\n").mapspace_constraints()
    assert (total.min_total_parallelism, total.max_total_parallelism) == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{level: GLB, parallelism: {min: 4, max: 2}}",
            "text 3:2:31: 'parallelism' of the entry for 'GLB' is at least 4 and at most 2",
        ),
        ("{level: GLB, parallelism: {least: 4}}", "has the unknown key 'least'"),
        ("{parallelism: none}", "there is no name 'none'"),
        ("{level: GLB, utilization: 2}", "'utilization' of the entry for 'GLB' is 2; expected a share from 0 to 1"),
        ("{keep: inputs}", "an entry of the constraints has no 'level'"),
        (
            "{level: GLB, spatial: {factors: {m: => 3}}}",
            "the factor of 'm' is '=> 3'; expected such as 4, <= 4, >= 4 or rest",
        ),
        (
            "{level: GLB, parallelism: < 3}",
            "'parallelism' of the entry for 'GLB' is '< 3'; expected such as 4, <= 4, >= 4 or rest",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(f"  - {text}\n")
    assert any(message in str(fault) for fault in caught.value.faults), caught.value.faults


def test_an_order_across_a_fanout_is_pointed_out() -> None:
    spec = read("  - {level: GLB, x: {order: [m, c]}}\n")
    assert (
        "text 3:2:29: 'order' of 'x' in the entry for 'GLB' has no meaning: loops across a fanout are side by side"
        in spec.warnings
    )


def test_an_order_alone_is_of_the_innermost_loops() -> None:
    level = read("  - {level: GLB, temporal: {order: [m, p]}}\n").mapspace_constraints().levels[0]
    assert (level.order_inner, level.order_outer) == (("p", "m"), ())
    level = read("  - {level: GLB, temporal: {order: [m, p, ...]}}\n").mapspace_constraints().levels[0]
    assert (level.order_inner, level.order_outer) == ((), ("p", "m"))


def test_rules_bound_the_mapspace() -> None:
    spec = read(
        "  - {level: GLB, x: {dims: [filters]}, y: {dims: [reduction], factors: {c: 4}}, temporal: {order: [p]}}\n"
    )
    assert spec.workload is not None
    assert spec.architecture is not None
    for given in (spec, spec.constraints, list(spec.constraints), spec.constraints[0], spec.mapspace_constraints()):
        space = MapSpace(spec.workload, spec.architecture, given)
        batch = space.sample(200, 0)
        m, p, c, r = range(4)
        assert (batch.x[1, [p, c, r]] == 1).all()
        assert (batch.y[1, [m, p, r]] == 1).all()
        assert (batch.y[1, c] == 4).all()
        loops = batch.temporal[1] > 1
        assert (batch.order[1, p][loops[p]] == 0).all()
        assert (np.asarray(batch.x[1, m]) > 1).any()


def test_faults_of_the_mapspace_name_the_place() -> None:
    spec = al.load(
        MACHINE,
        LAYER,
        "constraints:\n  - {level: GLB, temporal: {factors: {m: 2}}}\n  - {level: DRAM, bypass: weights}\n",
    )
    with pytest.raises(InputError) as caught:
        MapSpace(spec.workload, spec.architecture, spec)  # type: ignore[arg-type]
    assert str(caught.value) == "text 3:3:5: the constraints bypass 'W' at 'DRAM', but the backing store keeps it"


@pytest.mark.parametrize("machine", ["tiny", "eyeriss", "nvdla_like", "simba_like", "tpu_like"])
def test_machines_of_the_zoo_take_layers(machine: str) -> None:
    """Their own constraints leave mappings of every kind of layer, whose spatial loops are of the dims that they name."""
    spec = al.load(machine)
    assert spec.architecture is not None
    net = al.load_network("mobilenetv2")
    for layer in (net.layers[0], net.layers[1], net.layers[-1]):
        space = MapSpace(layer.workload, spec.architecture, spec.constraints)
        assert 0 < space.total <= space.unconstrained.total
        assert space.admits(space.sample(50, 1)).all()


def test_rules_written_in_python() -> None:
    rules = [LevelRules("GLB", parallelism=(2, None)), LevelRules("", parallelism=(4, 16))]
    assert mapspace_constraints(rules) == Constraints(
        (LevelConstraints("GLB", min_parallelism=2, strict=False),), 4, 16
    )
    assert SpecFactor(3) == SpecFactor(3, place=Place("elsewhere"))
