"""The batch model compiled by JAX: fixed block sizes, one compilation per plan, CPU or GPU, always float64."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from archloom.errors import InputError
from archloom.model.hardware import Hardware
from archloom.model.plan import Plan

if TYPE_CHECKING:
    from archloom.model.batch import MappingBatch

__all__ = ["run_jax"]

Array = Any
DEVICE_ROWS = 1 << 18
COUNTS = ("tile_words", "reads", "fills", "updates")


def _jax() -> Any:
    try:
        import jax
    except ImportError as error:
        raise InputError("backend='jax' needs JAX; install it with: pip install 'archloom[jax]'") from error
    return jax


def run_jax(plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool, rows: int) -> dict[str, Array]:
    """Price a batch with JAX on its default device; results are NumPy arrays, or JAX arrays if the batch is."""
    jax = _jax()
    stay = not isinstance(batch.temporal, np.ndarray)
    if jax.default_backend() != "cpu":
        rows = max(rows, DEVICE_ROWS)
    size = len(batch)
    if outer:
        rows = max(1, rows // machine.rows)
    rows = min(rows, _round_up(max(size, 1)))
    with jax.enable_x64(True):
        kernel = _kernel(plan, outer, counts, batch.cut is not None, machine.rows)
        parts: list[dict[str, Array]] = []
        for start in range(0, max(size, 1), rows):
            stop = min(start + rows, size)
            block = _padded(batch[slice(start, stop)], rows)
            lanes = machine if outer or machine.rows == 1 else _padded_machine(machine, slice(start, stop), rows)
            result = kernel(block, lanes.map(np.float64 if machine.rows == 1 else np.asarray))
            parts.append({name: _trim(name, v, stop - start) for name, v in result.items()})
            if not stay:
                parts[-1] = {name: np.asarray(v) for name, v in parts[-1].items()}
        if len(parts) == 1:
            return parts[0]
        join: Any = jax.numpy if stay else np
        return {name: join.concatenate([part[name] for part in parts], axis=-1 if name in COUNTS else 0) for name in parts[0]}


def _round_up(size: int) -> int:
    """The next power of two, so that batches of any size meet few compiled shapes."""
    return 1 << max(6, (size - 1).bit_length())


def _trim(name: str, values: Array, size: int) -> Array:
    return values[..., :size] if name in COUNTS else values[:size]


def _padded(batch: MappingBatch, rows: int) -> dict[str, Array]:
    parts = {"temporal": batch.temporal, "order": batch.order, "x": batch.x, "y": batch.y, "keep": batch.keep, "cut": batch.cut}
    short = rows - len(batch)
    result: dict[str, Array] = {}
    for name, part in parts.items():
        if part is None:
            continue
        xp = np if isinstance(part, np.ndarray) else _jax().numpy
        result[name] = part if short == 0 else xp.concatenate([part, xp.ones((*part.shape[:2], short), part.dtype)], axis=-1)
    return result


def _padded_machine(machine: Hardware, rows: slice, size: int) -> Hardware:
    short = size - (rows.stop - rows.start)
    return machine.slice(rows).map(lambda v: v if isinstance(v, int | float) else np.concatenate([v, np.ones(short)]))


@lru_cache(maxsize=256)
def _kernel(plan: Plan, outer: bool, counts: bool, cuts: bool, machines: int) -> Any:
    """The compiled model of one plan. Hardware numbers are arguments, so XLA cannot fold divisions by them."""
    from archloom.model.batch import MappingBatch, nest_lanes, outcome, price

    jax = _jax()
    names = [f.name for f in fields(Hardware) if f.name != "rows"]

    def run(block: dict[str, Array], machine: dict[str, Any]) -> dict[str, Array]:
        def lane(values: Array, boolean: bool = False) -> Array:
            column = values if boolean else values.astype("float64")
            return column[:, None] if outer else column

        batch = MappingBatch(**block)
        nest = nest_lanes(plan, batch, lane)
        counted, costed = price(plan, nest, Hardware(**machine, rows=machines))
        shape = (len(batch), machines) if outer else (len(batch),)
        return outcome(jax.numpy, counted, costed, shape, with_counts=counts)

    compiled = jax.jit(run)
    return lambda block, machine: compiled(block, {name: getattr(machine, name) for name in names})
