"""Workloads: one einsum with affine indices and a bound for each dimension."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from archloom.errors import Fault, InputError, Place, did_you_mean
from archloom.workload.sizes import is_whole

__all__ = ["Rank", "Tensor", "Workload", "einsum", "parse_einsum"]

Rank = tuple[tuple[str, int], ...]
"""One index of a tensor: the affine sum of (dimension, coefficient) terms."""

ROLES = ("input", "weight", "output")
MAX_BOUND = 2**40


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of an einsum: its ranks, its role, and its word width in bits (None = the memory's own)."""

    name: str
    ranks: tuple[Rank, ...]
    is_output: bool = False
    word_bits: int | None = None
    role: str = "input"

    @property
    def dims(self) -> frozenset[str]:
        """The dimensions that occur in some rank: the ones *relevant* to this tensor."""
        return frozenset(dim for rank in self.ranks for dim, _ in rank)

    def is_selected_by(self, selector: frozenset[str]) -> bool:
        """Whether a selector of an architecture names this tensor, by name, by role, or by `all`."""
        words = {word.casefold() for word in selector}
        return bool(words & {self.name.casefold(), self.role, self.role + "s", "all"})

    def __str__(self) -> str:
        return f"{self.name}[{','.join(_rank_text(rank) for rank in self.ranks)}]"


def _rank_text(rank: Rank) -> str:
    return "+".join(dim if c == 1 else f"{c}*{dim}" for dim, c in rank) or "0"


@dataclass(frozen=True)
class Workload:
    """One einsum with its loop bounds: what is computed, not how.

    `bounds` maps each dimension to its trip count N_d >= 1, `tensors` holds the inputs and exactly one output.
    """

    name: str
    bounds: Mapping[str, int]
    tensors: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", dict(self.bounds))
        faults = [Fault(message) for message in _faults(self)]
        if faults:
            raise InputError(faults)

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.bounds.items()), self.tensors))

    @cached_property
    def dims(self) -> tuple[str, ...]:
        """Dimension names, in the order of `bounds`."""
        return tuple(self.bounds)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates: the product of all bounds."""
        return math.prod(self.bounds.values())

    @cached_property
    def output(self) -> Tensor:
        return next(tensor for tensor in self.tensors if tensor.is_output)

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.tensors if not tensor.is_output)

    def tensor(self, name: str) -> Tensor:
        """Return the tensor called `name`; raises InputError naming the nearest one."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise InputError(
            f"workload {self.name!r} has no tensor {name!r}", hint=did_you_mean(name, [t.name for t in self.tensors])
        )

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        """Extent of each rank of `tensor` in words: sum of c*(N_d - 1) + 1."""
        return tuple(1 + sum(c * (self.bounds[dim] - 1) for dim, c in rank) for rank in tensor.ranks)

    def words(self, tensor: Tensor) -> int:
        """Size of `tensor` in words (bounding box, stride holes included)."""
        return math.prod(self.shape(tensor))

    def with_bounds(self, **bounds: int) -> Workload:
        """A copy with some bounds replaced."""
        return replace(self, bounds={**self.bounds, **bounds})

    @property
    def text(self) -> str:
        """The einsum as text, e.g. `O[m,p] += W[m,c,r] * I[c,2*p+r]`."""
        return f"{self.output} += {' * '.join(str(tensor) for tensor in self.inputs)}"

    def __str__(self) -> str:
        return f"{self.name}: {self.text}  ({', '.join(f'{d}={n}' for d, n in self.bounds.items())})"


def _faults(workload: Workload) -> list[str]:
    faults: list[str] = []
    what = f"workload {workload.name!r}"
    for dim, bound in workload.bounds.items():
        if not is_whole(bound) or not 1 <= bound <= MAX_BOUND:
            faults.append(f"{what}: the bound of {dim!r} is {bound!r}; expected an integer from 1 to 2**40")
    if not workload.bounds:
        faults.append(f"{what} has no dimensions")
    outputs = [tensor for tensor in workload.tensors if tensor.is_output]
    if len(outputs) != 1:
        faults.append(f"{what} has {len(outputs)} outputs; expected exactly one")
    if len(workload.tensors) < 2:
        faults.append(f"{what} has no input tensor")
    seen: set[str] = set()
    for tensor in workload.tensors:
        if tensor.name in seen:
            faults.append(f"{what} names the tensor {tensor.name!r} twice")
        seen.add(tensor.name)
        if tensor.role not in ROLES:
            faults.append(f"tensor {tensor.name!r} has the role {tensor.role!r} ({did_you_mean(tensor.role, ROLES)})")
        if tensor.word_bits is not None and not 1 <= tensor.word_bits <= 4096:
            faults.append(f"tensor {tensor.name!r} has words of {tensor.word_bits} bits; expected 1 to 4096")
        used: set[str] = set()
        for rank in tensor.ranks:
            for dim, coefficient in rank:
                if dim not in workload.bounds:
                    faults.append(
                        f"tensor {tensor.name!r} is indexed by {dim!r}, which has no bound ({did_you_mean(dim, workload.bounds)})"
                    )
                if coefficient < 1:
                    faults.append(
                        f"tensor {tensor.name!r} has the coefficient {coefficient} before {dim!r}; expected a positive integer"
                    )
                if dim in used:
                    faults.append(
                        f"tensor {tensor.name!r} is indexed by {dim!r} twice; each dimension may occur once per tensor"
                    )
                used.add(dim)
            if tensor.is_output and (len(rank) > 1 or any(c != 1 for _, c in rank)):
                faults.append(
                    f"the output {tensor.name!r} has the index {_rank_text(rank)!r}; expected one plain dimension per output index "
                    "(write a transposed convolution by its output phases, as archloom.workload.layers.conv_transpose2d does)"
                )
    return faults


_TENSOR = re.compile(r"\s*([A-Za-z_]\w*)\s*\[([^\[\]]*)\]\s*")
_TERM = re.compile(r"\s*(?:(\d+)\s*\*\s*)?([A-Za-z_]\w*)(?:\s*\*\s*(\d+))?\s*")


@lru_cache(maxsize=4096)
def parse_einsum(text: str, place: Place | None = None) -> tuple[Tensor, ...]:
    """Parse `O[m,p] += W[m,c,r] * I[c,2*p+r]` into tensors, inputs first, output last.

    Indices are affine: a sum of dimensions, each with an optional positive integer coefficient.
    Raises InputError naming the position in `text` (and `place`, where given).
    """

    def fail(at: int, message: str) -> InputError:
        where = Place(place.source, place.line, place.column + at) if place and place.line else place
        shown = text if len(text) <= 120 else text[:117] + "..."
        return InputError(f"in the einsum {shown!r} at character {at + 1}: {message}", place=where)

    if len(text) > 10_000:
        raise fail(0, "longer than 10,000 characters")
    split = re.search(r"\+?=", text)
    if split is None:
        raise fail(len(text), "expected '+=' between the output and the inputs")
    tensors: list[Tensor] = []
    for start, stop, is_output in ((split.end(), len(text), False), (0, split.start(), True)):
        at = start
        while True:
            match = _TENSOR.match(text, at, stop)
            if match is None:
                raise fail(at, "expected a tensor like 'I[n,c,2*p+r]'")
            tensors.append(_tensor(match, is_output, fail))
            at = match.end()
            if at == stop:
                break
            if is_output:
                raise fail(at, "expected exactly one output tensor before '+='")
            if text[at] not in "*,":
                raise fail(at, f"expected '*' between inputs, found {text[at]!r}")
            at += 1
    return tuple(tensors)


def _tensor(match: re.Match[str], is_output: bool, fail: Callable[[int, str], InputError]) -> Tensor:
    ranks: list[Rank] = []
    at = match.start(2)
    body = match.group(2)
    for part in body.split(",") if body.strip() else []:
        terms: list[tuple[str, int]] = []
        for piece in part.split("+"):
            term = _TERM.fullmatch(piece)
            if term is None or (term.group(1) and term.group(3)):
                raise fail(at, f"expected an index like 'p' or '2*p+r', found {piece.strip()!r}")
            digits = term.group(1) or term.group(3) or "1"
            if len(digits) > 12:
                raise fail(
                    at, f"the coefficient before {term.group(2)!r} has {len(digits)} digits; expected at most 12"
                )
            terms.append((term.group(2), int(digits)))
            at += len(piece) + 1
        ranks.append(tuple(terms))
    name = match.group(1)
    return Tensor(name, tuple(ranks), is_output, role="output" if is_output else guess_role(name))


def guess_role(name: str) -> str:
    """The role of an input tensor by its name: W, B, filter, kernel ... are weights, everything else an input."""
    fold = name.casefold()
    return (
        "weight"
        if fold in {"w", "b", "f", "filter", "filters", "kernel", "kernels"} or fold.startswith("weight")
        else "input"
    )


def einsum(
    text: str,
    bounds: Mapping[str, int],
    *,
    name: str = "einsum",
    word_bits: Mapping[str, int] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Workload:
    """Build a workload from einsum text and bounds.

    `bounds` gives every dimension's trip count; `word_bits` per-tensor word widths in bits (else the memory's);
    `roles` overrides the guess of which inputs are weights. Raises InputError on any mismatch.

    >>> einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 8, "n": 4, "k": 16}).macs
    512
    """
    tensors = parse_einsum(text)
    names = [tensor.name for tensor in tensors]
    for kind, table in (("word_bits", word_bits), ("roles", roles)):
        for key in table or {}:
            if key not in names:
                raise InputError(
                    f"{kind} names the tensor {key!r}, which is not in {text!r}", hint=did_you_mean(key, names)
                )
    tensors = tuple(
        replace(
            tensor,
            word_bits=(word_bits or {}).get(tensor.name, tensor.word_bits),
            role=(roles or {}).get(tensor.name, tensor.role),
        )
        for tensor in tensors
    )
    return Workload(name, bounds, tensors)
