"""The plan: everything about a workload on an architecture that no mapping changes, lowered to indices once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from archloom.architecture.hierarchy import Architecture
from archloom.workload.einsum import Tensor, Workload

__all__ = ["Plan", "PlannedLevel", "PlannedTensor", "lower"]


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor with its dims as indices: `ranks[k]` lists (dim index, coefficient) of dims with a bound above 1."""

    name: str
    is_output: bool
    ranks: tuple[tuple[tuple[int, int], ...], ...]
    relevant: tuple[int, ...]
    irrelevant: tuple[int, ...]
    sliding: tuple[int, ...]
    """Indices of the ranks that two or more dims share: the ones along which a tile can slide over itself."""


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """What a mapping cannot change about level l; `may_keep`, `must_keep`, `bits`, `multicast` run over tensors."""

    may_keep: tuple[bool, ...]
    must_keep: tuple[bool, ...]
    bits: tuple[int, ...]
    multicast: tuple[bool, ...]
    block: int
    cluster: int
    gate: int | None
    """The level at whose instances this one is power-gated; None: idle instances are off."""
    has_fanout: bool
    """Whether a legal mapping may have spatial trips here."""
    reshapeable: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Static structure for the model: without padding, dims of bound 1 are dropped (`active` maps plan dims to workload dims)."""

    active: tuple[int, ...]
    bounds: tuple[int, ...]
    tensors: tuple[PlannedTensor, ...]
    levels: tuple[PlannedLevel, ...]
    macs: int
    pooled: bool
    latency: int
    """Cycles of network fill and drain, added once."""
    padding: bool = False
    cuts: bool = False
    drain_reads: bool = False

    @property
    def dims(self) -> range:
        return range(len(self.bounds))

    def widened(self, *, fanouts: bool) -> Plan:
        """The same plan with every fanout open, for batches that vary the mesh."""
        if not fanouts:
            return self
        return replace(self, levels=tuple(replace(level, has_fanout=True) for level in self.levels))


@lru_cache(maxsize=1024)
def _lower(workload: Workload, architecture: Architecture, padding: bool, cuts: bool, drain_reads: bool) -> Plan:
    active = tuple(at for at, dim in enumerate(workload.dims) if padding or workload.bounds[dim] > 1)
    number = {workload.dims[at]: k for k, at in enumerate(active)}
    return Plan(
        active=active,
        bounds=tuple(workload.bounds[dim] for dim in number),
        tensors=tuple(_planned_tensor(tensor, number) for tensor in workload.tensors),
        levels=tuple(_planned_level(workload, architecture, at) for at in range(len(architecture.levels))),
        macs=workload.macs,
        pooled=architecture.pooled,
        latency=sum(level.fanout.fill_latency + level.fanout.drain_latency for level in architecture.levels),
        padding=padding,
        cuts=cuts,
        drain_reads=drain_reads,
    )


def _planned_tensor(tensor: Tensor, number: dict[str, int]) -> PlannedTensor:
    ranks = tuple(tuple((number[dim], c) for dim, c in rank if dim in number) for rank in tensor.ranks)
    ranks = tuple(rank for rank in ranks if rank)
    relevant = tuple(sorted({dim for rank in ranks for dim, _ in rank}))
    return PlannedTensor(
        name=tensor.name,
        is_output=tensor.is_output,
        ranks=ranks,
        relevant=relevant,
        irrelevant=tuple(dim for dim in range(len(number)) if dim not in relevant),
        sliding=tuple(k for k, rank in enumerate(ranks) if len(rank) > 1),
    )


def _planned_level(workload: Workload, architecture: Architecture, at: int) -> PlannedLevel:
    level, tensors = architecture.levels[at], workload.tensors
    shared = architecture.levels[at:] if architecture.pooled else (level,)
    is_outermost = at == len(architecture.levels) - 1
    return PlannedLevel(
        may_keep=tuple(level.may_keep(tensor) for tensor in tensors),
        must_keep=tuple(is_outermost or level.must_keep(tensor) for tensor in tensors),
        bits=tuple(level.tensor_bits(tensor) for tensor in tensors),
        multicast=tuple(not tensor.is_selected_by(level.fanout.no_multicast) for tensor in tensors),
        block=level.block,
        cluster=level.cluster,
        gate=None if level.power_gated_at is None else architecture.index(level.power_gated_at),
        has_fanout=any(other.fanout.total > 1 for other in shared),
        reshapeable=any(other.fanout.reshapeable for other in shared),
    )


def lower(
    workload: Workload,
    architecture: Architecture,
    *,
    padding: bool = False,
    cuts: bool = False,
    drain_reads: bool = False,
) -> Plan:
    """Lower a workload on an architecture to a `Plan` (cached).

    `padding`: factors may multiply to more than a bound. `cuts`: tiles may have cuts of their own inside a level's block.
    `drain_reads`: each instance also reads the output words that it sends outwards (AccelForge's accounting).
    """
    return _lower(workload, architecture, padding, cuts, drain_reads)
