"""One component of a Timeloop architecture: from its attributes and its ERT and ART entries to a Memory or Compute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from archloom.architecture.hierarchy import Compute, Fanout, Memory
from archloom.errors import Place
from archloom.interop.timeloop.fields import Fields, Notes

__all__ = ["SPOKEN_FOR", "Kind", "Part", "Tables", "compute_from", "is_dummy", "kind_of_class", "memory_from"]

DEFAULT_WORD_BITS = 16
MAX_WORD_BITS = 2**20
MAX_WORDS = 2**60

_BUFFERS = ("DRAM", "SRAM", "regfile", "smartbuffer", "storage")
_COMPUTES = ("mac", "intmac", "fpmac", "compute")
_NETWORKS = ("XY_NoC", "Legacy", "ReductionTree", "SimpleMulticast")

READ = ("random_read", "read")
FILL = ("random_fill", "random_write", "fill", "write")
UPDATE = ("random_update", "random_write", "update", "write")
COMPUTE = ("mac_random", "mult_random", "mac", "mult", "compute")
"""The actions of an ERT that an access is charged with: the first one listed counts (Timeloop's order)."""

SPOKEN_FOR = ("technology", "global_cycle_seconds")
"""Attributes that say what an ERT was made for: with its energies given, they have nothing to add."""

Kind = str


def kind_of_class(class_name: str) -> Kind:
    """What Timeloop takes a component of this class for: `memory`, `compute`, `network`, or `other` (which it neglects)."""
    for kind, words in (("memory", _BUFFERS), ("compute", _COMPUTES), ("network", _NETWORKS)):
        if any(word in class_name for word in words):
            return kind
    return "other"


def is_dummy(class_name: str) -> bool:
    """Whether components of this class only stand for a fanout (the front end puts them before spatial containers)."""
    return class_name == "dummy_storage"


@dataclass(frozen=True)
class Part:
    """A component in its place in the hierarchy: how many there are, in which mesh, with which attributes.

    `subclass` is the class by which Accelergy knows it, where that is another than Timeloop's.
    """

    name: str
    class_name: str
    instances: int
    mesh_x: int
    mesh_y: int
    fields: Fields
    place: Place
    subclass: str = ""


@dataclass(frozen=True)
class Tables:
    """Energies (component -> action -> pJ) and areas (component -> um^2), by the components' own names; None where none were given."""

    energies_pj: Mapping[str, Mapping[str, float]] | None = None
    areas_um2: Mapping[str, float] | None = None


def memory_from(part: Part, fanout: Fanout, tables: Tables, notes: Notes) -> Memory:
    """Lower a storage component; `fanout` is what hangs below it."""
    fields = part.fields
    fields.take(*SPOKEN_FOR)
    if is_dummy(part.class_name):
        return _pure_fanout(part, fanout, tables)
    word_bits = (
        fields.integer("word_bits", "word_width", "datawidth", default=DEFAULT_WORD_BITS, most=MAX_WORD_BITS)
        or DEFAULT_WORD_BITS
    )
    block, cluster = _block(fields, word_bits, notes)
    words = _words(fields, word_bits, block, notes)
    read_bandwidth, write_bandwidth = _bandwidths(fields)
    buffering = fields.number("multiple_buffering", default=1.0, least=1.0) or 1.0
    read, fill, update = _access_energies(part, fields, tables, notes)
    _neutral(fields, notes)
    return Memory(
        name=part.name,
        size_bits=math.inf if words is None else words * word_bits,
        word_bits=word_bits,
        block=block,
        cluster=cluster,
        read_bandwidth=read_bandwidth,
        write_bandwidth=write_bandwidth,
        shared_bandwidth=fields.number("shared_bandwidth", above=True),
        buffering=buffering,
        read_pj=read,
        write_pj=fill,
        update_pj=update,
        leak_pj=_energies(part.name, tables).get("leak", 0.0),
        power_gated_at=_power_gated_at(fields, part.name),
        area_um2=_area(part, fields, tables, "cluster_area"),
        fanout=fanout,
        kind=part.class_name or "memory",
    )


def compute_from(part: Part, tables: Tables, notes: Notes) -> Compute:
    """Lower the arithmetic units. Timeloop does not charge their leakage, so it is not carried over."""
    fields = part.fields
    fields.take(*SPOKEN_FOR)
    word_bits = fields.integer("word_bits", "word_width", "datawidth", default=DEFAULT_WORD_BITS, most=MAX_WORD_BITS)
    energies = _energies(part.name, tables)
    override = fields.number("energy", "energy_per_op")
    energy = _first(energies, COMPUTE)
    if energy is None and override is None:
        _remark_no_energy(part, COMPUTE, tables, notes)
    if energies.get("leak"):
        notes.remark(
            f"leak of {part.name}: Timeloop does not charge the leakage of arithmetic units, nor is it charged here"
        )
    fields.take("has_power_gating", "power_gated_at")
    return Compute(
        name=part.name,
        energy_pj=next(value for value in (energy, override, 0.0) if value is not None),
        area_um2=_area(part, fields, tables, "area"),
        word_bits=word_bits or DEFAULT_WORD_BITS,
        kind=part.class_name or "mac",
    )


def _pure_fanout(part: Part, fanout: Fanout, tables: Tables) -> Memory:
    part.fields.ignore()
    area = (tables.areas_um2 or {}).get(part.name, 0.0)
    return Memory(part.name, size_bits=0, bypass=frozenset({"all"}), area_um2=area, fanout=fanout, kind="dummy_storage")


def _block(fields: Fields, word_bits: int, notes: Notes) -> tuple[int, int]:
    """(block, cluster): words moved at once, given or as many as fit the width; and the instances that share the array."""
    block = fields.integer("block_size", "n_words")
    cluster = fields.integer("cluster_size")
    width = fields.integer("width", "memory_width", "data_storage_width")
    given = fields.take("width", "memory_width", "data_storage_width")
    if width is not None and given is not None:
        if block is not None and cluster is not None and block * cluster * word_bits != width:
            notes.fault(
                f"{fields.owner}: width is {width}, but block_size x cluster_size x word width is {block * cluster * word_bits}",
                given.place,
            )
        if width % word_bits or (block or 1) * word_bits > width or width % ((block or 1) * word_bits):
            what = "word width" if block is None else "block_size x word width"
            notes.fault(
                f"{fields.owner}: width is {width}, which is not a multiple of the {what}, {(block or 1) * word_bits}",
                given.place,
            )
            return 1, 1
        if block is None:
            block = max(1, width // word_bits // (cluster or 1))
        elif cluster is None:
            cluster = width // (word_bits * block)
    return block or 1, cluster or 1


def _words(fields: Fields, word_bits: int, block: int, notes: Notes) -> int | None:
    """Capacity in words; None when none is given, which is unbounded."""
    given = [
        name for name in ("entries", "depth", "memory_depth", "data_storage_depth", "sizeKB") if name in fields.by_name
    ]
    stated = [name for name in given if fields.by_name[name].value is not None]
    if "sizeKB" in stated and len(stated) > 1:
        notes.fault(
            f"{fields.owner}: both sizeKB and {stated[0]} are given; expected one of them",
            fields.by_name["sizeKB"].place,
        )
    entries = fields.integer("entries", least=0, most=MAX_WORDS)
    depth = fields.integer("depth", "memory_depth", "data_storage_depth", least=0, most=MAX_WORDS)
    kib = fields.integer("sizeKB", least=0, most=MAX_WORDS)
    if entries is not None:
        return entries
    if depth is not None:
        return depth * block
    return None if kib is None else kib * 1024 * 8 // word_bits


def _bandwidths(fields: Fields) -> tuple[float | None, float | None]:
    both = fields.number("bandwidth", above=True)
    half = None if both is None else both / 2
    read = fields.number("read_bandwidth", above=True, default=half)
    write = fields.number("write_bandwidth", above=True, default=half)
    return read, write


def _power_gated_at(fields: Fields, name: str) -> str | None:
    fields.take("has_power_gating")
    gate = fields.text("power_gated_at")
    return None if gate in ("", name) else gate


def _access_energies(part: Part, fields: Fields, tables: Tables, notes: Notes) -> tuple[float, float, float]:
    override = fields.number("vector_access_energy")
    if override is not None:
        return override, override, override
    energies = _energies(part.name, tables)
    found = [_first(energies, actions) for actions in (READ, FILL, UPDATE)]
    if None in found:
        _remark_no_energy(
            part,
            next(actions for actions, energy in zip((READ, FILL, UPDATE), found, strict=True) if energy is None),
            tables,
            notes,
        )
    read, fill, update = (energy or 0.0 for energy in found)
    return read, fill, update


def _energies(name: str, tables: Tables) -> Mapping[str, float]:
    return (tables.energies_pj or {}).get(name, {})


def _first(energies: Mapping[str, float], actions: tuple[str, ...]) -> float | None:
    return next((energies[action] for action in actions if action in energies), None)


def _remark_no_energy(part: Part, actions: tuple[str, ...], tables: Tables, notes: Notes) -> None:
    if tables.energies_pj is None:
        notes.remark("no ERT: every access energy is 0 (Accelergy makes one from the components)")
    elif part.name not in tables.energies_pj:
        notes.remark(f"no ERT entry for {part.name}: its energies are 0")
    else:
        notes.remark(f"the ERT of {part.name} lacks the action {actions[-1]}: its energy is 0")


def _area(part: Part, fields: Fields, tables: Tables, override: str) -> float:
    given = fields.number(override)
    area = (tables.areas_um2 or {}).get(part.name)
    return area if area is not None else given or 0.0


def _neutral(fields: Fields, notes: Notes) -> None:
    """Attributes whose usual value says what is done here anyway; any other value is pointed out."""
    if fields.number("min_utilization", default=0.0):
        notes.remark(f"min_utilization of {fields.owner}: mappings that use less are not rejected")
    if fields.flag("allow_overbooking"):
        notes.remark(f"allow_overbooking of {fields.owner}: tiles have to fit")
    if not fields.flag("reduction_supported", default=True):
        notes.remark(
            f"reduction_supported of {fields.owner}: false changes only network traffic, which is not charged here"
        )
