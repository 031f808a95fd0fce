"""Architectures: a chain of memories with a fanout below each, and the compute units at the inner end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

from archloom.errors import Fault, InputError, did_you_mean
from archloom.workload.einsum import Tensor

__all__ = ["Architecture", "Compute", "Fanout", "Memory"]

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fanout:
    """The spatial fanout below a memory: how many instances of the next level inside hang on one instance.

    `x`, `y` are the sizes of the two mesh axes. instances actually there (at most x * y).
    `no_multicast` selects tensors that are sent (or reduced) once per instance, even when several instances want the same word.
    A `reshapeable` fanout has x * y units that a mapping may arrange as any X x Y mesh with X * Y <= x * y.
    `fill_latency` and `drain_latency` (cycles) of its network are added once to the total latency.
    """

    x: int = 1
    y: int = 1
    no_multicast: frozenset[str] = NOTHING
    reshapeable: bool = False
    fill_latency: int = 0
    drain_latency: int = 0

    @property
    def total(self) -> int:
        return self.x * self.y


@dataclass(frozen=True, slots=True)
class Memory:
    """One level of the hierarchy: a memory (each of its instances) and the fanout below it.

    Sizes in bits, bandwidths in words per cycle and instance, energies in pJ per access of one block of `block` words,
    `leak_pj` per instance and cycle, `area_um2` per instance. `keep` / `bypass` select tensors (by name, role, or `all`)
    that must / must not be held here; a tensor selected by neither is the mapping's choice. `buffering` = 2 halves the
    usable capacity. `power_gated_at` names the outer level at whose granularity idle instances are switched off.
    A level that bypasses `all` and has no size is a pure fanout (Timeloop's dummy storage).
    """

    name: str
    size_bits: float = math.inf
    word_bits: int = 16
    block: int = 1
    read_bandwidth: float | None = None
    write_bandwidth: float | None = None
    shared_bandwidth: float | None = None
    buffering: float = 1.0
    keep: frozenset[str] = NOTHING
    bypass: frozenset[str] = NOTHING
    read_pj: float = 0.0
    write_pj: float = 0.0
    update_pj: float = 0.0
    leak_pj: float = 0.0
    power_gated_at: str | None = None
    area_um2: float = 0.0
    fanout: Fanout = field(default_factory=Fanout)
    kind: str = "memory"
    """Free text: the component class (SRAM, DRAM, regfile ...), for reports and the technology library."""

    def may_keep(self, tensor: Tensor) -> bool:
        """Whether a mapping may hold `tensor` here."""
        return not tensor.is_selected_by(self.bypass) or tensor.name in self.keep

    def must_keep(self, tensor: Tensor) -> bool:
        """Whether a mapping has to hold `tensor` here."""
        return tensor.is_selected_by(self.keep) and self.may_keep(tensor)

    def tensor_bits(self, tensor: Tensor) -> int:
        """Bits of one word of `tensor` here: the tensor's own width, or the memory's."""
        return tensor.word_bits if tensor.word_bits is not None else self.word_bits


@dataclass(frozen=True, slots=True)
class Compute:
    """The compute units: energy in pJ per multiply-accumulate, leakage per unit and cycle, area per unit."""

    name: str = "MAC"
    energy_pj: float = 0.0
    leak_pj: float = 0.0
    area_um2: float = 0.0
    word_bits: int = 16
    kind: str = "mac"


@dataclass(frozen=True)
class Architecture:
    """An accelerator: `levels[0]` is the memory next to the compute units, `levels[-1]` the backing store.

    `levels[l].fanout` lies between level l and the one inside it (l-1, or the compute units). A mapping's spatial trips
    fit each fanout; when `pooled`, it is enough that the trips of a fanout and all those outside it fit their mesh axes
    together, as if instances were not tied to a parent (Timeloop's check).
    """

    name: str
    levels: tuple[Memory, ...]
    compute: Compute = field(default_factory=Compute)
    pooled: bool = False

    def __post_init__(self) -> None:
        faults = [Fault(f"architecture {self.name!r}: {message}") for message in _faults(self)]
        if faults:
            raise InputError(faults)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Level names, inner to outer."""
        return tuple(level.name for level in self.levels)

    def index(self, name: str) -> int:
        """Number of the level called `name`; raises InputError naming the nearest one."""
        if name not in self.names:
            raise InputError(f"architecture {self.name!r} has no level {name!r}", hint=did_you_mean(name, self.names))
        return self.names.index(name)

    def level(self, name: str) -> Memory:
        return self.levels[self.index(name)]

    @cached_property
    def instances(self) -> tuple[int, ...]:
        """Instances of each level, inner to outer: the product of all fanouts outside it."""
        counts = [1]
        for level in reversed(self.levels[1:]):
            counts.append(counts[-1] * level.fanout.total)
        return tuple(reversed(counts))

    @cached_property
    def compute_instances(self) -> int:
        return self.instances[0] * self.levels[0].fanout.total

    @cached_property
    def area_um2(self) -> float:
        """Sum of component areas times instances, used or not."""
        memories = sum(level.area_um2 * count for level, count in zip(self.levels, self.instances, strict=True))
        return memories + self.compute.area_um2 * self.compute_instances

    def with_level(self, name: str, **changes: object) -> Architecture:
        """A copy with some fields of one level replaced."""
        at = self.index(name)
        level = replace(self.levels[at], **changes)  # type: ignore[arg-type]
        return replace(self, levels=(*self.levels[:at], level, *self.levels[at + 1 :]))


def _faults(arch: Architecture) -> list[str]:
    faults: list[str] = []
    if not arch.levels:
        return ["has no memory; expected at least one level"]
    names = [*(level.name for level in arch.levels), arch.compute.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"the name {name!r} is used twice")
    for at, level in enumerate(arch.levels):
        what = f"level {level.name!r}"
        for name in ("x", "y"):
            if getattr(level.fanout, name) < 1:
                faults.append(f"{what}: fanout {name} is {getattr(level.fanout, name)}; expected at least 1")
        for name in ("word_bits", "block", "buffering"):
            if not getattr(level, name) >= 1:
                faults.append(f"{what}: {name} is {getattr(level, name)}; expected at least 1")
        for name in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
            value = getattr(level, name)
            if value is not None and not value > 0:
                faults.append(f"{what}: {name} is {value}; expected more than 0")
        faults += [f"{what}: {message}" for message in _costs_below_zero(level)]
        if not level.size_bits >= 0:
            faults.append(f"{what}: size_bits is {level.size_bits}; expected 0 or more")
        if level.power_gated_at is not None and level.power_gated_at not in [outer.name for outer in arch.levels[at:]]:
            hint = did_you_mean(level.power_gated_at, [outer.name for outer in arch.levels[at:]])
            faults.append(f"{what}: power_gated_at names {level.power_gated_at!r}, which is not this level or one outside it ({hint})")
    faults += [f"compute {arch.compute.name!r}: {message}" for message in _costs_below_zero(arch.compute)]
    return faults


def _costs_below_zero(part: Memory | Compute) -> list[str]:
    costs = [f.name for f in fields(part) if f.name.endswith(("_pj", "_um2"))]
    return [f"{name} is {getattr(part, name)}; expected 0 or more" for name in costs if not 0 <= getattr(part, name) < math.inf]
