"""Register files: a few words of flip-flops and the multiplexer that chooses among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from archloom.technology.component import Attribute, Component, Confidence, Figure, Price
from archloom.technology.families import along
from archloom.technology.logic import Unit
from archloom.technology.scaling import NODE, factor, node_warnings
from archloom.technology.sram import WIDTH, check_shape
from archloom.technology.tabled import rows

__all__ = ["COMPONENTS"]

SIZE = Attribute(
    "size_bits", "bit", None, 1, 2**23, whole=True, about="1 bit to 1 MiB; beyond a few thousand an sram is meant"
)
NODE_NM = 32.0
DEEPEST = 192


def _energy(words: Any, column: str) -> Any:
    """Energy of one bit of an access at 32 nm: log-log through the source's three depths and, at one word, a plain register.

    Deeper than the source it goes on in proportion to depth (a multiplexer and a word line of all words).
    """
    table = list(rows("regfile"))
    register = Unit("register").figure("energy_pj", "pJ", "energy", 1.0, NODE_NM, 1e9)
    assert register is not None
    depths = [1.0, *(float(row["words"]) for row in table)]
    energies = [float(register.value), *(float(row[column]) / float(row["width_bits"]) for row in table)]
    found = along(np.log(words), [float(x) for x in np.log(depths)], [float(y) for y in np.log(energies)], 1.0)
    return np.exp(found)


def _price(*, size_bits: Any, width_bits: Any, node_nm: Any) -> Price:
    check_shape("regfile", size_bits, width_bits)
    words = np.divide(size_bits, width_bits)
    source = rows("regfile")[0]["source"]
    known = [float(row["words"]) for row in rows("regfile")]
    exact = bool(np.all(np.isin(words, known) & np.equal(width_bits, 16) & np.equal(node_nm, NODE_NM)))
    confidence: Confidence = "published" if exact else "estimated" if np.any(words > DEEPEST) else "scaled"
    note = (
        ""
        if exact
        else "log-log over depth (12, 16, 192 words; 1 word: a register), in proportion to width, scaled from 32 nm"
    )

    def energy(column: str) -> Figure:
        value = _energy(words, column) * width_bits * factor("energy", NODE_NM, node_nm)
        return Figure(value, "pJ", source, confidence, NODE_NM, note)

    unit = Unit("register")
    area = unit.figure("area_um2", "um2", "area", 1.0, node_nm, 1e9, size_bits)
    leakage = unit.figure("leakage_mw", "mW", "leakage", 1.0, node_nm, 1e9, size_bits)
    warnings = list(node_warnings(node_nm))
    if np.any(words > DEEPEST):
        warnings.append(
            f"regfile: deeper than {DEEPEST} words is beyond the source: extrapolated (an sram may be meant)"
        )
    written = energy("write_pj")
    return Price(
        "regfile", {}, {"read": energy("read_pj"), "write": written, "update": written}, area, leakage, tuple(warnings)
    )


COMPONENTS = (
    Component(
        "regfile",
        "a few words of flip-flops: energy from published scratchpads, area and leakage from single registers",
        (SIZE, WIDTH, NODE),
        _price,
        aliases=("register_file", "rf", "spad"),
        sources=("reference ERT of the eyeriss_like exercise design", "Aladdin plug-in of Accelergy (40 nm)"),
    ),
)
