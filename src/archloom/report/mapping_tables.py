"""A mapped network as plain rows, for CSV and Parquet files and data frames: one row per layer, or per layer, level and tensor."""

from __future__ import annotations

from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.errors import InputError
from archloom.mapping.text import render
from archloom.report.tables import Row, detail_rows
from archloom.search.network_mapping import NetworkMapping

if TYPE_CHECKING:
    import polars

__all__ = ["layer_rows", "level_rows", "need_polars", "to_frame", "write_parquet"]


def layer_rows(mapping: NetworkMapping) -> list[Row]:
    """One row per distinct layer: shape, cost of one execution, and certificate. Units are in the keys."""
    rows: list[Row] = []
    for layer in mapping.layers:
        cost = layer.evaluation
        rows.append(
            {
                "network": mapping.name,
                "architecture": mapping.architecture.name,
                "layer": layer.name,
                "count": layer.count,
                "einsum": layer.workload.text,
                "bounds": " ".join(f"{dim}={bound}" for dim, bound in layer.workload.bounds.items()),
                "macs": cost.macs,
                "cycles": cost.cycles,
                "compute_cycles": cost.compute.cycles,
                "utilization": cost.utilization,
                "bound_by": cost.bound_by,
                "energy_pj": cost.energy_pj,
                "edp_pj_cycles": cost.edp,
                "objective": mapping.options.objective.name,
                "objective_value": layer.objective,
                "bound": layer.bound,
                "gap": layer.gap,
                "finished": layer.finished,
                "space_size": None if layer.space_size is None else str(layer.space_size),
                "priced": layer.priced,
                "cpu_s": layer.cpu_s,
                "mapping": render(layer.mapping, layer.workload, cost.architecture),
            }
        )
    return rows


def level_rows(mapping: NetworkMapping) -> list[Row]:
    """One row per distinct layer, level and tensor, of one execution, as `detail_rows` gives them."""
    return [
        {"network": mapping.name, "layer": layer.name, "count": layer.count, **row}
        for layer in mapping.layers
        for row in detail_rows(layer.evaluation)
    ]


def need_polars() -> None:
    """Raise InputError, saying how to install it, where Polars is missing."""
    if find_spec("polars") is None:
        raise InputError("data frames and Parquet files need Polars", hint="pip install 'archloom[frames]'")


def to_frame(mapping: NetworkMapping) -> polars.DataFrame:
    """One row per distinct layer, as a Polars data frame; raises InputError where Polars is not installed."""
    need_polars()
    import polars

    return polars.DataFrame(layer_rows(mapping), infer_schema_length=None)


def write_parquet(mapping: NetworkMapping, path: str | PathLike[str]) -> None:
    """Write `to_frame` as a Parquet file: whole, or not at all."""
    target = Path(path)
    frame = to_frame(mapping)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    try:
        frame.write_parquet(draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
