"""What the corrected engine does otherwise than the released MAESTRO: one mend per bug, each with its reason."""

from __future__ import annotations

from enum import Enum

from archloom.errors import InputError, did_you_mean

__all__ = ["COMPATIBLE", "CORRECTED", "ENGINES", "LEFT", "Mend", "mends_of"]


class Mend(Enum):
    """A bug of MAESTRO that can be mended, by its number, and what is wrong there.

    B24 and up were found by walking mappings step by step.
    """

    B1 = "edge tiles of a lower level come from the nominal tile above it, not from the edge tile that is at hand"
    B2 = "a tile that, with its halo, is larger than its dimension is skipped, or cut to the wrong size"
    B3 = "the energy of the CSV takes the L1 accesses of the layer before, and leaves out MACs and reads of outputs"
    B4 = "a tile of several outputs of a strided layer counts the outputs in between, and X' and Y' swap their strides"
    B5 = "sums that stay where they are leave at every step, and partial sums that come back are not read again"
    B6 = "an element sent to many PEs is written to one L1"
    B7 = "edge tiles are fetched as if they were whole"
    B9 = "a layer without a Dataflow cannot take that of the layer before"
    B12 = "the off-chip bandwidth that a case needs is halved again with every case after it"
    B16 = "the first layer of a type decides for all of them whether there is a batch N"
    B22 = "a last row of one sub-cluster counts the inputs of its edge tile as its outputs"
    B23 = "the partial last tile of a last row of sub-clusters is left out"
    B24 = "the last of a row of sub-clusters brings nothing new if its tile fits exactly"
    B25 = "a tensor whose inner loops start over is not fetched again when an outer loop leaves it alone"
    B26 = "overlapping tiles of neighbours are shared only while they move, and a row of one does not keep its overlap"
    B27 = "the only sub-cluster of a row takes as long as for a whole tile where its edge tile is no output"
    B28 = "the L1 for outputs is sized by inputs, and tiles larger than their dimension are taken whole"
    B29 = "how often a case occurs is counted in 32 bits, which large layers overflow"
    B30 = "sending nothing takes a cycle less than the latency of the network: minus one where there is none"
    B31 = "the arithmetic intensity is that of the last case"

    # By identity: the engine asks for mends in its innermost loops.
    __hash__ = object.__hash__

    @property
    def reason(self) -> str:
        return self.value


COMPATIBLE: frozenset[Mend] = frozenset()
CORRECTED: frozenset[Mend] = frozenset(Mend)
ENGINES = {"compatible": COMPATIBLE, "corrected": CORRECTED}
"""The engines by name, as the bugs that each has mended."""

LEFT = (
    "B6: an L1 is read once per MAC for each tensor, whatever a PE keeps in registers",
    "B8: TRCONV costs what CONV costs; FC, POOL and LSTM have no price",
    "B10: a network's bandwidth cannot be given by level",
    "B11: a hardware file turns the latency of the network from 0 to 1",
    "B12: every case waits for whole tiles from off-chip, those that stay included, and off-chip energy is not counted",
    "B14: an element is a byte, there is no precision",
    "B15: area and power follow MAESTRO's tables, which a bus without a limit dominates",
    "B17: sums over space cost neither time nor energy",
    "B17: where Y and R lie in space together, each PE of the diagonal sends the one output that they sum up",
    "B18: there is no sparsity",
    "B19: the sizes of buffers bound nothing, the requirements say what a mapping needs",
    "B20: a level has at most two SpatialMaps, which go along with each other, and maps R and S whole or in space",
    "a level starts anew for every step of the level above: its first tiles are waited for again, and its last sums are not",
    "tiles that overlap where a loop starts over are fetched whole, and an idle sub-cluster forgets its tile",
    "sub-clusters at work are an average over steps, not over time",
)
"""What the corrected engine leaves as it is, for want of a rule that says what would be right."""


def mends_of(engine: str | frozenset[Mend]) -> frozenset[Mend]:
    """Return the mends of an engine, or those given. Raises InputError for an unknown name."""
    if isinstance(engine, frozenset):
        return engine
    if engine not in ENGINES:
        raise InputError(f"unknown engine: {engine!r}", hint=did_you_mean(engine, ENGINES))
    return ENGINES[engine]
