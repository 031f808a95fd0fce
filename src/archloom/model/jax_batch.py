"""The batch model compiled by JAX: fixed block sizes, one compilation per plan, CPU or GPU, always float64."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from archloom.errors import InputError
from archloom.model.arrays import Array, MappingBatch
from archloom.model.batch_lanes import COUNTS, blocks, nest_lanes, outcome, price, store
from archloom.model.hardware import Hardware
from archloom.model.plan import Plan

__all__ = ["run_jax"]

DEVICE_POINTS = 1 << 18
"""Points priced at once on a GPU: enough to fill it."""


def _jax() -> Any:
    try:
        import jax
    except ImportError as error:
        raise InputError("backend='jax' needs JAX; install it with: pip install 'archloom[jax]'") from error
    return jax


def run_jax(
    plan: Plan, batch: MappingBatch, machine: Hardware, *, outer: bool, counts: bool, most: int
) -> dict[str, Array]:
    """Price a batch, at most `most` points at a time, on JAX's default device.

    Results are NumPy arrays, or JAX arrays if the batch is.
    """
    jax = _jax()
    stay = not _is_numpy(batch.temporal)
    if jax.default_backend() != "cpu":
        most = max(most, DEVICE_POINTS)
    size, machines = len(batch), machine.rows
    shape = (size, machines) if outer else (size,)
    wide = min(max(machines, 1), most) if outer else 1
    tall = min(most // wide, _round_up(size))
    results: dict[str, Array] = {}
    parts: list[tuple[slice, dict[str, Array]]] = []
    with jax.enable_x64(True):
        kernel = _kernel(plan, outer, counts)
        fixed = machine.map(jax.numpy.asarray) if machines == 1 or (outer and machines == wide) else None
        for rows, across in blocks(size, machines, outer, tall * wide):
            lanes = fixed or _padded_machine(machine.slice(across), wide if outer else tall)
            part = kernel(_padded(batch[rows], tall), lanes.lanes())
            part = {name: _trimmed(name, values, rows, across, outer) for name, values in part.items()}
            if stay:
                parts.append((rows, part))
            else:
                store(results, {name: np.asarray(values) for name, values in part.items()}, shape, rows, across)
        return _joined(parts) if stay else results


def _is_numpy(array: Array) -> bool:
    return isinstance(array, np.ndarray)


def _round_up(size: int) -> int:
    """The next power of two, so that batches of any size meet few compiled shapes."""
    return 1 << max(6, (size - 1).bit_length())


def _trimmed(name: str, values: Array, rows: slice, machines: slice, outer: bool) -> Array:
    """A block's results without its padding."""
    tall, wide = rows.stop - rows.start, machines.stop - machines.start
    if name in COUNTS:
        return values[..., :tall]
    return values[:tall, :wide] if outer else values[:tall]


def _joined(parts: list[tuple[slice, dict[str, Array]]]) -> dict[str, Array]:
    """Blocks put together on the device: side by side those of the same rows, then one below the other."""
    if len(parts) == 1:
        return parts[0][1]
    join = _jax().numpy.concatenate
    bands: dict[int, list[dict[str, Array]]] = {}
    for rows, part in parts:
        bands.setdefault(rows.start, []).append(part)
    results: dict[str, Array] = {}
    for name in parts[0][1]:
        if name in COUNTS:
            results[name] = join([band[0][name] for band in bands.values()], axis=-1)
        else:
            beside = [
                join([part[name] for part in band], axis=-1) if len(band) > 1 else band[0][name]
                for band in bands.values()
            ]
            results[name] = join(beside, axis=0)
    return results


def _padded(batch: MappingBatch, size: int) -> dict[str, Array]:
    """The arrays of a batch, filled up to `size` rows with ones."""
    short = size - len(batch)
    result: dict[str, Array] = {}
    for name, part in batch.arrays().items():
        xp = np if _is_numpy(part) else _jax().numpy
        ones = xp.ones((*part.shape[:2], short), part.dtype)
        result[name] = xp.concatenate([part, ones], axis=-1) if short else part
    return result


def _padded_machine(machine: Hardware, size: int) -> Hardware:
    """Lanes filled up to `size` machines with ones; numbers stay."""

    def full(lane: Any) -> Array:
        return np.asarray(lane) if isinstance(lane, int | float) else np.append(lane, np.ones(size - len(lane)))

    return machine.map(full)


@lru_cache(maxsize=256)
def _kernel(plan: Plan, outer: bool, counts: bool) -> Any:
    """The compiled model of one plan. Hardware numbers are arguments, so XLA cannot fold divisions by them."""
    jax = _jax()

    def run(block: dict[str, Array], lanes: dict[str, Any]) -> dict[str, Array]:
        def lane(values: Array, boolean: bool = False) -> Array:
            column = values if boolean else values.astype("float64")
            return column[:, None] if outer else column

        batch = MappingBatch(**block)
        machines = max((value.size for value in jax.tree.leaves(lanes)), default=1)
        counted, costed = price(plan, nest_lanes(plan, batch, lane), Hardware(**lanes))
        shape = (len(batch), machines) if outer else (len(batch),)
        return outcome(jax.numpy, counted, costed, shape, with_counts=counts)

    return jax.jit(run)
