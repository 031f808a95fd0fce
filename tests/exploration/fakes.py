"""A request of any machines: what the judge asks of `archloom.exploration.request.Request`, made from a function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np

from archloom.architecture.hierarchy import Architecture
from archloom.errors import InputError
from archloom.exploration.objective import Goal, goal_of
from archloom.exploration.suite import Suite
from archloom.search.objective import Objective, objective_of
from archloom.spec.load import Spec
from archloom.workload.network import Layer, Network


@dataclass(frozen=True)
class FakeSpace:
    choices: Mapping[str, Sequence[Any]]

    def all(self) -> np.ndarray:
        return np.array(list(product(*(range(len(values)) for values in self.choices.values()))), dtype=np.int64)

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        designs = self.all()
        yield from (designs[at : at + rows] for at in range(0, len(designs), rows))

    def values(self, design) -> dict[str, Any]:
        return {name: values[at] for (name, values), at in zip(self.choices.items(), design, strict=True)}

    def columns(self, designs) -> dict[str, np.ndarray]:
        return {
            name: np.array([values[at] for at in designs[:, k]], dtype=object if isinstance(values[0], str) else float)
            for k, (name, values) in enumerate(self.choices.items())
        }


@dataclass(frozen=True)
class FakeMachines:
    space: FakeSpace
    make: Callable[..., Architecture]
    baseline: Spec
    clock: str | float | None = None

    def spec(self, design) -> Spec:
        return Spec(architecture=self.make(**self.space.values(design)))

    def structure(self, designs) -> np.ndarray:
        meshes = [[(level.fanout.x, level.fanout.y) for level in arch.levels] for arch in self._machines(designs)]
        known = sorted(map(str, {str(mesh) for mesh in meshes}))
        return np.array([known.index(str(mesh)) for mesh in meshes], dtype=np.int64)

    def lanes(self, designs) -> dict[str, np.ndarray]:
        names = ("size_bits", "read_pj", "write_pj", "update_pj", "leak_pj", "fanout.x")
        machines = self._machines(designs)
        return {
            f"{level.name}.{name}": np.array([attrgetter(name)(arch.levels[at]) for arch in machines], dtype=float)
            for at, level in enumerate(machines[0].levels)
            for name in names
        }

    def _machines(self, designs) -> list[Architecture]:
        return [arch for arch in (self.spec(design).architecture for design in designs) if arch]

    def reasons(self, designs) -> list[str]:
        found: list[str] = []
        for design in designs:
            try:
                self.spec(design)
            except InputError as error:
                found.append(str(error))
            else:
                found.append("")
        return found

    def _each(self, designs, figure: Callable[[Architecture], float]) -> np.ndarray:
        specs = [
            None if reason else self.spec(design) for design, reason in zip(designs, self.reasons(designs), strict=True)
        ]
        return np.array(
            [figure(spec.architecture) if spec and spec.architecture else np.nan for spec in specs], dtype=float
        )

    def clock_hz(self, designs) -> np.ndarray:
        if isinstance(self.clock, str):
            return self.space.columns(designs)[self.clock]
        return np.full(len(designs), np.nan if self.clock is None else self.clock)

    def area_um2(self, designs) -> np.ndarray:
        return self._each(designs, lambda arch: arch.area_um2)

    def pes(self, designs) -> np.ndarray:
        return self._each(designs, lambda arch: arch.compute_instances)

    def onchip_bits(self, designs) -> np.ndarray:
        return self._each(
            designs,
            lambda arch: sum(
                level.size_bits * many for level, many in zip(arch.levels[:-1], arch.instances[:-1], strict=True)
            ),
        )


@dataclass(frozen=True)
class FakeMapping:
    objective: Objective
    kind: str = "best"
    cuts: str = "level"
    padding: bool = False
    drain_reads: bool = False
    time_limit_s: float | None = None
    constraints: tuple[Any, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeRequest:
    suite: Suite
    goal: Goal
    machines: FakeMachines
    mapping: FakeMapping
    space: FakeSpace = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", self.machines.space)

    @property
    def baseline_design(self) -> np.ndarray | None:
        same = [
            d for d in self.space.all() if self.machines.spec(d).architecture == self.machines.baseline.architecture
        ]
        return same[0] if same else None


def request_of(
    networks,
    choices,
    make,
    baseline: Mapping[str, Any],
    *,
    objectives: Any = "edp",
    budget: Any = None,
    clock: str | float | None = None,
    weights=(),
    mean="geometric",
    objective: str | None = None,
    **mapping: Any,
) -> Any:
    """A FakeRequest; to the type checker, anything."""
    networks = [n if isinstance(n, Network) else Network(n.name, (Layer(n),)) for n in networks]
    space = FakeSpace(choices)
    goal = goal_of(
        objectives, budget, names={name: values[0] for name, values in choices.items()}, clocked=isinstance(clock, str)
    )
    plan = FakeMapping(objective_of(objective or goal.mapping_objective), **mapping)
    machines = FakeMachines(
        space, make, Spec(architecture=make(**baseline), clock_hz=None if isinstance(clock, str) else clock), clock
    )
    return FakeRequest(Suite(tuple(networks), weights, mean), goal, machines, plan)


def unbuildable(message: str) -> Architecture:
    raise InputError(message)
