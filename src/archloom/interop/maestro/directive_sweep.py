"""Very many mappings of one layer on one machine: the same directives with other sizes, offsets and clusters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archloom.errors import InputError, did_you_mean
from archloom.interop.maestro.arrays import area_of, columns_of_numbers, csv_energy_nj, power_of
from archloom.interop.maestro.hardware import Hardware
from archloom.interop.maestro.network import Cluster, Directive, Layer, Network
from archloom.interop.maestro.parse import LARGEST
from archloom.interop.maestro.tables import Table, dataflow_from_sizes, priced_mappings, table_of

__all__ = ["OUTCOMES", "DirectiveSweep", "directive_sweep"]

Numbers = NDArray[Any]

OUTCOMES = {
    0: "priced",
    1: "a TemporalMap of R or S does not cover the filter",
    2: "fewer PEs than the clusters need",
    3: "a dimension moves although its map covers it",
    4: "a case of the outermost level takes no cycles",
    5: "refused by the scalar engine",
    6: "no case of the outermost level does any work",
}
"""What becomes of a mapping, by its code."""

CHUNK = 2048


@dataclass(frozen=True)
class DirectiveSweep:
    """Mappings of one layer and their prices.

    `sizes` [N, E, 2]: size and offset of each entry of the dataflow (clusters have no offset); `codes` [N]:
    keys of OUTCOMES; `columns`: arrays [N] by name, 0 or nan where a mapping fails: cycles, elements, elements per cycle, um2, mW, `energy`
    in units of one MAC (all of a layer's), `energy_nj` (MAESTRO's CSV column of a network of this layer alone).
    """

    layer: Layer
    hardware: Hardware
    sizes: Numbers
    codes: Numbers
    columns: dict[str, Numbers]
    table: Table = field(repr=False)

    @property
    def priced(self) -> Numbers:
        """Whether each mapping runs [N]."""
        return self.codes == 0

    def __len__(self) -> int:
        return len(self.codes)

    def mapping(self, place: int) -> Layer:
        """Return the layer with the sizes of one mapping."""
        return replace(self.layer, dataflow=dataflow_from_sizes(self.layer, self.sizes[place]))

    def error(self, place: int) -> InputError | None:
        """Return why a mapping fails, in the words of the scalar engine, or None if it does not."""
        try:
            replace(self.table, layer=self.mapping(place)).cost(self.hardware)
        except InputError as error:
            return error
        return None

    def best(self, column: str = "runtime") -> int:
        """Return the place of the first mapping with the least of a column. Raises InputError if none runs, or for an unknown column."""
        if column not in self.columns:
            raise InputError(f"unknown column of a sweep: {column!r}", hint=did_you_mean(column, self.columns))
        places = np.flatnonzero(self.priced)
        if not len(places):
            raise InputError(f"none of the {len(self):,} mappings runs; the first: {self.error(0)}")
        return int(places[np.argmin(self.columns[column][places])])


def directive_sweep(
    layer: Layer,
    sizes: Numbers | Mapping[int, Sequence[Any] | Numbers],
    hardware: Hardware | None = None,
    *,
    engine: str = "compatible",
    threads: int | None = None,
) -> DirectiveSweep:
    """Price many mappings of a layer: its directives, in their order and of their kinds, with the sizes of `sizes`.

    `sizes` is an array [N, E, 2] of the size and offset of every entry of the layer's dataflow (the offset of a Cluster is ignored), or
    a dict of the entries that differ, by their number: [N] sizes (offsets stay) or [N, 2] sizes and offsets. Numbers are those of
    `price_network`, one by one; a mapping that MAESTRO refuses has a code other than 0 and `error` says why.

    Raises InputError for sizes out of range, for directives that no sizes would mend, and without numba.
    """
    table = table_of(Network("", (layer,)), 0, engine)
    hardware = hardware or Hardware()
    all_sizes = checked_sizes(layer, table.sizes, sizes)
    chunks = [all_sizes[first : first + CHUNK] for first in range(0, len(all_sizes), CHUNK)]
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        parts = list(pool.map(lambda chunk: priced_mappings(table, chunk, hardware), chunks))
    codes, wholes, reals = (np.concatenate(part) for part in zip(*parts, strict=True))
    wholes[codes != 0] = 0
    reals[codes != 0] = np.nan
    columns = columns_of_numbers(wholes, reals)
    own = columns["l1_accesses"]
    accesses = np.where(columns["clustered"], 0, own)
    columns["energy_nj"] = csv_energy_nj(columns, accesses, mended=bool(table.mended))
    columns["edp"] = columns["energy"] * columns["runtime"]
    pes, lanes, bandwidth = (
        np.asarray(value, float) for value in (hardware.num_pes, hardware.simd_lanes, hardware.noc_bandwidth)
    )
    columns["area_um2"] = area_of(pes, lanes, bandwidth, columns["l1_required"], columns["l2_required"])
    columns["power_mw"] = power_of(pes, lanes, bandwidth, columns["l1_required"], columns["l2_required"])
    for name in ("energy", "energy_nj", "edp", "area_um2", "power_mw", "throughput"):
        columns[name] = np.where(codes == 0, columns[name], np.nan)
    return DirectiveSweep(layer, hardware, all_sizes, codes, columns, table)


def checked_sizes(layer: Layer, written: Numbers, sizes: Numbers | Mapping[int, Sequence[Any] | Numbers]) -> Numbers:
    """Return sizes [N, E, 2] in range. Raises InputError naming the first entry that is not."""
    dataflow: Sequence[Directive | Cluster] = layer.dataflow or ()
    if isinstance(sizes, Mapping):
        sizes = filled(written, sizes)
    found = np.asarray(sizes)
    if found.ndim != 3 or found.shape[1:] != written.shape or found.dtype.kind not in "iu" or not len(found):
        shape = f"[N, {len(dataflow)}, 2]"
        raise InputError(f"expected whole numbers {shape} as sizes of the mappings, found {found.dtype} {found.shape}")
    found = np.ascontiguousarray(found, np.int64)
    offsets = np.array([not isinstance(entry, Cluster) for entry in dataflow])
    wrong = (found < 1) | (found > LARGEST)
    wrong[:, :, 1] &= offsets
    if wrong.any():
        mapping, entry, part = (int(value) for value in np.argwhere(wrong)[0])
        what = f"the {('size', 'offset')[part]} of entry {entry} is {found[mapping, entry, part]} in mapping {mapping}"
        raise InputError(f"{what}, expected 1 to {LARGEST}")
    return found


def filled(written: Numbers, sizes: Mapping[int, Sequence[Any] | Numbers]) -> Numbers:
    columns = {entry: np.asarray(values) for entry, values in sizes.items()}
    count = max((len(values) for values in columns.values() if values.ndim), default=0)
    found = np.repeat(written[None], count, axis=0)
    for entry, values in columns.items():
        fitting = values.shape in ((count,), (count, 2)) and values.dtype.kind in "iu"
        if not (isinstance(entry, int) and 0 <= entry < len(written) and fitting):
            raise InputError(
                f"sizes of entry {entry!r}: expected whole numbers [{count}] or [{count}, 2] for one of the entries "
                f"0 to {len(written) - 1}, found {values.dtype} {values.shape}"
            )
        found[:, entry, : values.ndim] = values.reshape(count, -1)
    return found
