"""Architectures: a chain of memories with a fanout below each, and the compute units at the inner end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING

from archloom.errors import Fault, InputError, did_you_mean
from archloom.workload.einsum import Tensor
from archloom.workload.sizes import is_whole

if TYPE_CHECKING:
    from archloom.technology.component import Price

__all__ = ["Architecture", "Compute", "Fanout", "Memory", "plain"]

NOTHING: frozenset[str] = frozenset()
SELECTORS = {"keep", "bypass", "no_multicast"}
ROLES = {"inputs": "input", "weights": "weight", "outputs": "output"}


def plain(value: object) -> object:
    """Other libraries' numbers (NumPy's) as Python's own, whose integers never overflow; anything else as it is."""
    if type(value) in (int, float, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def _settle(part: Fanout | Memory | Compute) -> None:
    """Give a new part Python's own numbers, and frozen sets of words where a list or one word will do."""
    for f in fields(part):
        value = getattr(part, f.name)
        if f.name in SELECTORS:
            object.__setattr__(part, f.name, frozenset({value} if isinstance(value, str) else value))
        else:
            object.__setattr__(part, f.name, plain(value))


@dataclass(frozen=True, slots=True)
class Fanout:
    """The spatial fanout below a memory: how many instances of the next level inside hang on one instance.

    `x`, `y` are the sizes of the two mesh axes: there are x * y instances.
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

    def __post_init__(self) -> None:
        _settle(self)

    @property
    def total(self) -> int:
        return self.x * self.y


@dataclass(frozen=True, slots=True)
class Memory:
    """One level of the hierarchy: a memory (each of its instances) and the fanout below it.

    Sizes in bits, bandwidths in words per cycle and instance, energies in pJ per access of one block of `block` words,
    `leak_pj` per instance and cycle, `area_um2` per instance. `keep` / `bypass` select tensors (by name, role, or `all`)
    that must / must not be held here; where both select a tensor, the closer one counts (its name before its role before
    `all`), and a tensor selected by neither is the mapping's choice. `buffering` = 2 halves the usable capacity.
    `power_gated_at` names the outer level at whose granularity idle instances are switched off. A `cluster` of instances shares
    one array: an access of all of them at once is one access of the array (Timeloop's cluster_size).
    A level that bypasses `all` and has no size is a pure fanout (Timeloop's dummy storage).
    """

    name: str
    size_bits: float = math.inf
    word_bits: int = 16
    block: int = 1
    cluster: int = 1
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

    def __post_init__(self) -> None:
        _settle(self)

    def may_keep(self, tensor: Tensor) -> bool:
        """Whether a mapping may hold `tensor` here."""
        return not self.bypass or _closeness(tensor, self.bypass) <= _closeness(tensor, self.keep)

    def must_keep(self, tensor: Tensor) -> bool:
        """Whether a mapping has to hold `tensor` here."""
        return bool(self.keep) and _closeness(tensor, self.keep) > _closeness(tensor, self.bypass)

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

    def __post_init__(self) -> None:
        _settle(self)


@dataclass(frozen=True)
class Architecture:
    """An accelerator: `levels[0]` is the memory next to the compute units, `levels[-1]` the backing store.

    `levels[l].fanout` lies between level l and the one inside it (l-1, or the compute units). A mapping's spatial trips
    fit each fanout; when `pooled`, it is enough that the trips of a fanout and all those outside it fit their mesh axes
    together, as if instances were not tied to a parent (Timeloop's check). `prices` says, by component, which of the figures
    are the technology library's, and where it has them from; it is no part of what the machine is.
    """

    name: str
    levels: tuple[Memory, ...]
    compute: Compute = field(default_factory=Compute)
    pooled: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict[str, "Price"], compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
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
        """A copy with some fields of one level replaced; raises InputError for an unknown level, field or value."""
        at = self.index(name)
        known = [f.name for f in fields(Memory)]
        for change in changes:
            if change not in known:
                raise InputError(f"level {name!r} has no field {change!r}", hint=did_you_mean(change, known))
        level = replace(self.levels[at], **changes)  # type: ignore[arg-type]
        return replace(self, levels=(*self.levels[:at], level, *self.levels[at + 1 :]))


def _closeness(tensor: Tensor, selector: frozenset[str]) -> int:
    """How closely a selector names a tensor: 3 by name, 2 by role, 1 by `all`, 0 not at all."""
    words = {word.casefold() for word in selector}
    if tensor.name.casefold() in words:
        return 3
    if tensor.role in words or tensor.role + "s" in words:
        return 2
    return 1 if "all" in words else 0


def _faults(arch: Architecture) -> list[str]:
    if not arch.levels:
        return ["has no memory; expected at least one level"]
    names = [*(level.name for level in arch.levels), arch.compute.name]
    faults = [f"the name {name!r} is used twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for at, level in enumerate(arch.levels):
        outward = [outer.name for outer in arch.levels[at:]]
        faults += [f"level {level.name!r}: {message}" for message in _level_faults(level, outward)]
    outermost = arch.levels[-1]
    if outermost.bypass:
        shown = ", ".join(sorted(outermost.bypass))
        faults.append(f"level {outermost.name!r}: bypasses {shown}; the backing store keeps every tensor")
    faults += [f"compute {arch.compute.name!r}: {message}" for message in _costs_below_zero(arch.compute)]
    return faults


def _level_faults(level: Memory, outward: list[str]) -> list[str]:
    fanout, faults = level.fanout, list[str]()
    for name, least in (("x", 1), ("y", 1), ("fill_latency", 0), ("drain_latency", 0)):
        faults += _unless_whole(f"fanout {name}", getattr(fanout, name), least)
    for name in ("word_bits", "block", "cluster"):
        faults += _unless_whole(name, getattr(level, name), 1)
    if not (_is_number(level.buffering) and 1 <= level.buffering < math.inf):
        faults.append(f"buffering is {level.buffering!r}; expected at least 1")
    for name in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        value = getattr(level, name)
        if value is not None and not (_is_number(value) and value > 0):
            faults.append(f"{name} is {value!r}; expected more than 0")
    faults += _costs_below_zero(level)
    if not (_is_number(level.size_bits) and level.size_bits >= 0):
        faults.append(f"size_bits is {level.size_bits!r}; expected 0 or more")
    both = {_singular(word) for word in level.keep} & {_singular(word) for word in level.bypass}
    faults += [f"both keeps and bypasses {word!r}" for word in sorted(both)]
    if level.power_gated_at is not None and level.power_gated_at not in outward:
        hint = did_you_mean(level.power_gated_at, outward)
        faults.append(
            f"power_gated_at names {level.power_gated_at!r}, which is not this level or one outside it ({hint})"
        )
    return faults


def _unless_whole(name: str, value: int, least: int) -> list[str]:
    if is_whole(value) and value >= least:
        return []
    return [f"{name} is {value!r}; expected a whole number, at least {least}"]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _singular(word: str) -> str:
    return ROLES.get(word.casefold(), word.casefold())


def _costs_below_zero(part: Memory | Compute) -> list[str]:
    costs = {f.name: getattr(part, f.name) for f in fields(part) if f.name.endswith(("_pj", "_um2"))}
    return [
        f"{name} is {value!r}; expected 0 or more"
        for name, value in costs.items()
        if not (_is_number(value) and 0 <= value < math.inf)
    ]
