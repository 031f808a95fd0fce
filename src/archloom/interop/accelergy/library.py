"""Accelergy's primitive classes, attributes and actions in the words of archloom's technology library, and priced by it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archloom.errors import InputError, did_you_mean
from archloom.spec.expressions import Result
from archloom.spec.values import shown
from archloom.technology import library
from archloom.technology.component import Component, Figure, Price

__all__ = ["library_name", "library_price", "node_of", "understood"]

Attributes = Mapping[str, Result]

CLASSES = {
    "SRAM": "sram",
    "DRAM": "dram",
    "regfile": "regfile",
    "smartbuffer_SRAM": "smartbuffer",
    "smartbuffer": "smartbuffer",
    "smartbuffer_RF": "regfile",
    "reg": "register",
    "register": "register",
    "aladdin_register": "register",
    "intadder": "int_add",
    "adder": "int_add",
    "aladdin_adder": "int_add",
    "intmultiplier": "int_multiply",
    "multiplier": "int_multiply",
    "aladdin_multiplier": "int_multiply",
    "intmac": "int_mac",
    "mac": "int_mac",
    "fpadder": "fp_add",
    "fpmultiplier": "fp_multiply",
    "fpmac": "fp_mac",
    "aladdin_comparator": "comparator",
    "aladdin_counter": "counter",
}
"""Accelergy's name of a primitive class -> the library's; any other name is looked up as it is."""

ALADDIN = "aladdin"
"""Classes with this prefix ask for Aladdin's figures, which the library has as a `source` of several components."""

TABLE_BITS = ("width", "datawidth")
"""The only widths that the tables of those classes have a column for: `n_bits` of a comparator leaves it at 32 bits."""

READS = ("random_read", "repeated_read", "access")
WRITES = ("random_write", "repeated_write", "fill", "random_fill")
COMPUTES = (
    *("read", "add", "multiply", "mult", "mac", "compare", "count", "shift", "process", "access", "op"),
    *("add_random", "mult_random", "mac_random", "add_reused", "mult_reused", "mac_reused"),
)
"""Other names of the actions; `read` of an arithmetic unit is its operation in tables made for Timeloop."""

IDLES = ("write", "update")
"""Actions that Timeloop's tables give arithmetic units, which do nothing then."""

NODE = ("technology", "node", "node_nm")
WIDTH = ("width", "memory_width", "data_storage_width", "width_bits", "datawidth", "word_bits")
DEPTH = ("depth", "memory_depth", "data_storage_depth")
ENTRIES = ("entries",)
KIB = ("sizeKB",)
BANKS = ("n_banks", "nbanks", "banks")
PORTS = ("n_rdwr_ports", "n_rw_ports", "n_ports", "ports")
BITS = ("datawidth", "width", "n_bits", "precision", "bits")
PAIRS = (("width_a", "width_b"), ("datawidth_a", "datawidth_b"))
MULTIPLIER = ("multiplier_width", "datawidth", "width", "n_bits", "bits")
ADDER = ("adder_width", "accumulator_bits")
FLOAT = ("exponent", "mantissa")
CYCLE = "global_cycle_seconds"

_NODE = re.compile(r"\s*([0-9]+\.?[0-9]*)\s*(?:nm)?\s*", re.I)


def library_name(class_name: str) -> str | None:
    """The library's component that a primitive class of Accelergy's stands for; None when there is none."""
    # a component registered under Accelergy's own name comes before what that name stands for otherwise
    name = class_name if class_name in library.components() else CLASSES.get(class_name, class_name)
    try:
        return library.find(name).name
    except InputError:
        return None


def library_price(class_name: str, attributes: Attributes) -> Price | None:
    """Price a primitive class of Accelergy's by the technology library; None when the library does not know it.

    Energies are under the library's names of the actions and under Accelergy's (`add`, `mac_random`, `random_fill` ...).
    Raises InputError for attributes that are missing or out of range, in the words of the file.
    """
    name = library_name(class_name)
    if name is None:
        return None
    component = library.find(name)
    if class_name.startswith(f"{ALADDIN}_"):
        narrowed = {key: value for key, value in attributes.items() if key not in BITS or key in TABLE_BITS}
        if component.name != "int_multiply":
            narrowed = {key: value for key, value in narrowed.items() if all(key not in pair for pair in PAIRS)}
        asked = _aladdin(component) | _Translation(component, narrowed).asked()
    else:
        asked = _Translation(component, attributes).asked()
    return _with_other_names(library.price(component, **asked))


def _aladdin(component: Component) -> dict[str, Result]:
    """What a class of Aladdin's table has unless told otherwise: registers of one bit, units of 32 bits."""
    widths: dict[str, Result] = {"width_bits": 1.0, "bits": 32.0}
    found = {known.name: widths[known.name] for known in component.attributes if known.name in widths}
    if any(known.name == "source" and ALADDIN in known.choices for known in component.attributes):
        found["source"] = ALADDIN
    return found


def understood(class_name: str) -> tuple[str, ...]:
    """The attributes that have a say in the price of a class, in Accelergy's spelling."""
    name = library_name(class_name)
    if name is None:
        return ()
    known = [attribute.name for attribute in library.find(name).attributes]
    return tuple(dict.fromkeys(word for own in known for word in (own, *_WORDS.get(own, ()))))


def node_of(value: Result | None) -> float | None:
    """The node in nm of `45nm`, `"45"` or 45; None when it is no node (`SET ME`, -1)."""
    if isinstance(value, str):
        match = _NODE.fullmatch(value)
        return float(match.group(1)) if match else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    return None


_WORDS: dict[str, tuple[str, ...]] = {
    "node_nm": NODE,
    "size_bits": (*DEPTH, *ENTRIES, *KIB, *WIDTH),
    "width_bits": WIDTH,
    "banks": BANKS,
    "ports": PORTS,
    "bits": (*BITS, *MULTIPLIER, *ADDER, *FLOAT, *(word for pair in PAIRS for word in pair)),
    "accumulator_bits": ADDER,
    "clock_hz": (CYCLE,),
    "type": ("type",),
}


@dataclass(frozen=True)
class _Translation:
    """From Accelergy's attributes to those that one component takes."""

    component: Component
    given: Attributes

    def asked(self) -> dict[str, Result]:
        makers: dict[str, Callable[[], Result | None]] = {
            "node_nm": self.node,
            "size_bits": self.size,
            "width_bits": self.width,
            "banks": lambda: self.first(BANKS),
            "ports": lambda: self.first(PORTS),
            "bits": self.bits,
            "accumulator_bits": lambda: self.first(ADDER),
            "clock_hz": self.clock,
        }
        found: dict[str, Result] = {}
        for attribute in self.component.attributes:
            make = makers.get(attribute.name)
            value = make() if make is not None else self.given.get(attribute.name)
            if value is not None:
                found[attribute.name] = value
        return found

    def node(self) -> float:
        name = next((name for name in NODE if name in self.given), None)
        value = node_of(self.given[name]) if name else None
        if value is None:
            found = f"technology is {shown(self.given[name])}" if name else "technology is missing"
            raise InputError(f"{found}; expected a node such as 45nm")
        return value

    def first(self, names: tuple[str, ...]) -> float | None:
        """The first of `names` that is given, as a number."""
        for name in names:
            value = self.given.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                hint = did_you_mean(str(value), self.given)
                raise InputError(
                    f"{name} is {shown(value)}; expected a number of 0 or more", hint=hint if "did" in hint else None
                )
            return float(value)
        return None

    def clock(self) -> float | None:
        seconds = self.first((CYCLE,))
        return 1 / seconds if seconds else None

    def width(self) -> float | None:
        return self.first(WIDTH)

    def size(self) -> float | None:
        given = self.first(("size_bits",))
        if given is not None:
            return given
        kib = self.first(KIB)
        if kib is not None:
            return kib * 8192
        entries = self.first(ENTRIES)
        if entries is not None:
            return entries * (self.first(("datawidth", "word_bits", *WIDTH)) or 1)
        width, depth = self.width(), self.first(DEPTH)
        return None if width is None or depth is None else width * depth

    def bits(self) -> float | None:
        """The width of the operands; of two different ones the geometric mean, as a multiplier goes by their product."""
        for first, second in PAIRS:
            a, b = self.first((first,)), self.first((second,))
            if a is not None and b is not None:
                return a if a == b else float(max(1, round(math.sqrt(a) * math.sqrt(b))))
        if self.component.name.startswith("fp"):
            parts = [self.first((name,)) for name in FLOAT]
            if None not in parts:
                return 1 + sum(part for part in parts if part is not None)
        return self.first(MULTIPLIER if self.component.name.endswith("mac") else BITS)


def _with_other_names(price: Price) -> Price:
    energy: dict[str, Figure] = {}
    for names, own in ((READS, "read"), (WRITES, "write"), (("random_update",), "update"), (COMPUTES, "compute")):
        if own in price.energy:
            energy |= dict.fromkeys(names, price.energy[own])
    if "compute" in price.energy:
        idle = replace(price.energy["compute"], value=0.0, note="does nothing")
        energy |= {**dict.fromkeys(IDLES, idle), **{f"{name}_gated": idle for name in ("mac", "mult", "add")}}
    if "transfer" in price.energy:
        energy |= dict.fromkeys(("transfer_random", "read"), price.energy["transfer"])
    return replace(price, energy={**energy, **price.energy})
