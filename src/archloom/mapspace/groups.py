"""Dim groups: words for sets of dims, so that a machine's rules fit any einsum."""

from __future__ import annotations

from collections.abc import Iterable

from archloom.workload.einsum import Workload

__all__ = ["DIM_GROUPS", "dims_of_group", "expand"]

DIM_GROUPS = ("reduction", "filters", "pixels", "groups", "all")


def dims_of_group(group: str, workload: Workload) -> tuple[str, ...]:
    """The dims of a group, in the workload's order.

    `reduction`: in no index of the output. `filters`: of the output and the weights, not of the inputs. `pixels`: of the output
    and the inputs, not of the weights. `groups`: of all three. `all`: every dim. Where no tensor has the role of weights, the
    last operand stands for them.

    >>> from archloom.workload.einsum import einsum
    >>> conv = einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 4, "p": 8, "c": 2, "r": 3})
    >>> dims_of_group("reduction", conv), dims_of_group("filters", conv), dims_of_group("pixels", conv)
    (('c', 'r'), ('m',), ('p',))
    """
    output = workload.output.dims
    weights = [t for t in workload.inputs if t.role == "weight"] or list(workload.inputs[-1:])
    inputs = [t for t in workload.inputs if t not in weights]
    in_weights = frozenset[str]().union(*(t.dims for t in weights))
    in_inputs = frozenset[str]().union(*(t.dims for t in inputs))
    chosen = {
        "reduction": frozenset(workload.dims) - output,
        "filters": (output & in_weights) - in_inputs,
        "pixels": (output & in_inputs) - in_weights,
        "groups": output & in_weights & in_inputs,
        "all": frozenset(workload.dims),
    }[group]
    return tuple(dim for dim in workload.dims if dim in chosen)


def expand(names: Iterable[str], workload: Workload) -> tuple[list[str], list[str]]:
    """Names of dims and groups as dims, each once, in the order given; and the names that are neither."""
    found: dict[str, None] = {}
    unknown: list[str] = []
    for name in names:
        if name in workload.bounds:
            found[name] = None
        elif name in DIM_GROUPS:
            found.update(dict.fromkeys(dims_of_group(name, workload)))
        else:
            unknown.append(name)
    return list(found), unknown
