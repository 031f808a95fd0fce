"""Compounds: buffers with their address generators, and processing elements, as sums of library components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from archloom.errors import InputError
from archloom.technology.arithmetic import BITS
from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.library import price
from archloom.technology.regfile import SIZE as REGFILE_SIZE
from archloom.technology.scaling import NODE
from archloom.technology.sram import BANKS, CELL, PORTS, SIZE, WIDTH

__all__ = ["COMPONENTS", "Share", "total"]

LEVELS = get_args(Confidence)

Share = tuple[str, Figure | None, Any]
"""A part's name, its figure (None: no source), and how often it counts."""


def total(shares: Sequence[Share]) -> Figure | None:
    """Add the parts' figures: the note says which part has how much, the confidence is the lowest; None if none is known."""
    known = [(name, figure, times) for name, figure, times in shares if figure is not None and np.any(times)]
    if not known:
        return None
    value = sum(figure.value * times for _, figure, times in known)
    confidence = known[int(np.argmax([LEVELS.index(figure.confidence) for _, figure, _ in known]))][1].confidence
    sources = "; ".join(dict.fromkeys(figure.source for _, figure, _ in known))
    return Figure(value, known[0][1].unit, sources, confidence, None, _breakdown(known, value))


def _breakdown(known: Sequence[tuple[str, Figure, Any]], value: Any) -> str:
    """`sram 11.6 + address_generator 0.1`, or shares of the sum where there are many variants."""
    if np.size(value) == 1:
        return " + ".join(f"{name} {float(np.ravel(figure.value * times)[0]):.4g}" for name, figure, times in known)
    if not np.size(value):
        return ""
    shares = [f"{name} {float(np.mean(figure.value * times / value)):.0%}" for name, figure, times in known]
    return f"on average {', '.join(shares)}"


def _warnings(parts: Sequence[tuple[str, Price]], name: str) -> tuple[str, ...]:
    found = [warning for _, part in parts for warning in part.warnings if "none is charged" not in warning]
    for what in ("area", "leakage"):
        without = dict.fromkeys(part_name for part_name, part in parts if getattr(part, what) is None)
        if without:
            found.append(f"{name}: no source gives {what} of {', '.join(without)}: none is charged for it")
    return tuple(dict.fromkeys(found))


def _buffer(
    name: str, storage: Price, size_bits: Any, width_bits: Any, node_nm: Any, data_registers: Any, ports: Any
) -> Price:
    """A memory, an address generator each for reading and writing (of every port), and registers for data on their way."""
    words = np.maximum(np.divide(size_bits, width_bits), 2.0)
    stepper = price("address_generator", bits=np.ceil(np.log2(words)), node_nm=node_nm)
    register = price("register", width_bits=width_bits, node_nm=node_nm)
    inner = storage.component

    def energy(action: str) -> Figure:
        shares: list[Share] = [
            (inner, storage.energy[action], 1.0),
            ("address_generator", stepper.energy["compute"], 1.0),
            ("register", register.energy["write"], data_registers),
        ]
        found = total(shares)
        assert found is not None
        return found

    def once(what: str) -> Figure | None:
        figures = (getattr(part, what) for part in (storage, stepper, register))
        times = (1.0, np.multiply(ports, 2.0), data_registers)
        return total(list(zip((inner, "address_generator", "register"), figures, times, strict=True)))

    parts = [(inner, storage), ("address_generator", stepper)]
    warnings = _warnings(parts, name)
    return Price(
        name,
        {},
        {action: energy(action) for action in ("read", "write", "update")},
        once("area"),
        once("leakage"),
        warnings,
    )


def _smartbuffer(
    *, size_bits: Any, width_bits: Any, node_nm: Any, data_registers: Any, ports: Any, **more: Any
) -> Price:
    storage = price("sram", size_bits=size_bits, width_bits=width_bits, node_nm=node_nm, ports=ports, **more)
    return _buffer("smartbuffer", storage, size_bits, width_bits, node_nm, data_registers, ports)


def _smart_regfile(*, size_bits: Any, width_bits: Any, node_nm: Any, data_registers: Any) -> Price:
    storage = price("regfile", size_bits=size_bits, width_bits=width_bits, node_nm=node_nm)
    return _buffer("smart_regfile", storage, size_bits, width_bits, node_nm, data_registers, 1)


SPADS = ("input", "weight", "output")


def _pe(*, bits: Any, node_nm: Any, arithmetic: str, **sizes: Any) -> Price:
    """One MAC reads an input and a weight, and reads and writes an output, each in a scratchpad of its own."""
    if arithmetic == "float" and np.any(np.less(bits, 8)):
        raise InputError("pe: floating-point arithmetic needs at least 8 bits", hint="use `arithmetic: int`")
    mac = price("fp_mac" if arithmetic == "float" else "int_mac", bits=bits, node_nm=node_nm)
    parts: list[tuple[str, Price]] = [("mac", mac)]
    shares: list[Share] = [("mac", mac.energy["compute"], 1.0)]
    for spad in SPADS:
        words = sizes[f"{spad}_words"]
        if not np.any(words):
            continue
        held = price("regfile", size_bits=np.maximum(words, 1.0) * bits, width_bits=bits, node_nm=node_nm)
        there = np.greater(words, 0) * 1.0
        parts.append((f"{spad} spad", held))
        shares.append((f"{spad} spad read", held.energy["read"], there))
        if spad == "output":
            shares.append((f"{spad} spad write", held.energy["write"], there))
    energy = total(shares)
    assert energy is not None

    def once(what: str) -> Figure | None:
        counts = [1.0, *(np.greater(sizes[f"{s}_words"], 0) * 1.0 for s in SPADS if np.any(sizes[f"{s}_words"]))]
        return total([(name, getattr(part, what), n) for (name, part), n in zip(parts, counts, strict=True)])

    return Price(
        "pe",
        {},
        {"compute": energy, "mac": mac.energy["compute"]},
        once("area"),
        once("leakage"),
        _warnings(parts, "pe"),
    )


def _words(spad: str, default: int) -> Attribute:
    return Attribute(
        f"{spad}_words", "", default, 0, 2**16, whole=True, about=f"depth of the {spad} scratchpad; 0: none"
    )


REGISTERS = Attribute("data_registers", "", 0, 0, 64, whole=True, about="registers that each access passes")
ARITHMETIC = Attribute("arithmetic", "", "int", choices=("int", "float"), about="kind of the multiply-accumulate unit")

COMPONENTS = (
    Component(
        "smartbuffer", "sram with an address generator each for reads and writes",
        (SIZE, WIDTH, NODE, BANKS, CELL, PORTS, REGISTERS), _smartbuffer, ("smartbuffer_SRAM", "smart_buffer"),
        ("CACTI 7.0", "Aladdin plug-in of Accelergy (40 nm)"),
    ),
    Component(
        "smart_regfile", "register file with an address generator each for reads and writes",
        (REGFILE_SIZE, WIDTH, NODE, REGISTERS), _smart_regfile, ("smartbuffer_RF",), ("Aladdin plug-in of Accelergy (40 nm)",),
    ),
    Component(
        "pe", "processing element: a MAC and scratchpads for input, weight and output (Eyeriss's sizes unless told otherwise)",
        (BITS, NODE, ARITHMETIC, _words("input", 12), _words("weight", 192), _words("output", 16)), _pe, ("processing_element",),
        ("Jouppi et al., ISCA 2021", "reference ERT of the eyeriss_like exercise design"),
    ),
)  # fmt: skip
