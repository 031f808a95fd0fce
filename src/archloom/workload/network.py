"""Networks: the distinct layers of a model with their counts, and what of the model is not a layer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from archloom.errors import InputError, did_you_mean
from archloom.workload.einsum import Tensor, Workload
from archloom.workload.sizes import is_whole

__all__ = ["Layer", "Network", "Skipped"]

OPERATIONS_PER_MAC = 2
"""One multiplication and one addition."""


@dataclass(frozen=True)
class Layer:
    """A workload that a network computes `count` times, under these `names`.

    Several names belong to layers of equal shape; one name with a higher count to a block that repeats. `weight_words` is the
    number of stored parameters of all `count` executions together, in words: by default those of the tensors with the role
    weight, and 0 for a product of two activations, such as attention. Raises InputError when the count is not positive.
    """

    workload: Workload
    count: int = 1
    names: tuple[str, ...] = ()
    weight_words: int = -1

    def __post_init__(self) -> None:
        if not is_whole(self.count) or self.count < 1:
            raise InputError(
                f"the layer {self.workload.name!r} has the count {self.count!r}; expected a positive integer"
            )
        if not self.names:
            object.__setattr__(self, "names", (self.workload.name,))
        if self.weight_words < 0:
            weights = (tensor for tensor in self.workload.inputs if tensor.role == "weight")
            object.__setattr__(self, "weight_words", self.count * sum(map(self.workload.words, weights)))

    @property
    def name(self) -> str:
        """The first of the names."""
        return self.names[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all `count` executions."""
        return self.count * self.workload.macs

    def __str__(self) -> str:
        return f"{self.count} x {self.workload}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part of a model that is not a layer here, e.g. an activation function or a normalisation.

    `operations` follows one rule: the elements of the output, times the window for pooling and reductions; 0 where data is only
    moved; None where the size is not known. `note` says why, where the operator alone does not.
    """

    name: str
    op: str
    operations: int | None
    note: str = ""


@dataclass(frozen=True)
class Network:
    """Layers with their counts. Layers of equal shape are merged: what they cost is asked once, and counts for each.

    Merging keeps the order of first appearance, adds up counts and weights, and keeps the names. `skipped` lists everything in
    the model that is not among the layers. Raises InputError when there are no layers.

    >>> from archloom.workload.layers import gemm
    >>> network = Network("mlp", (Layer(gemm("fc1", M=1, N=8, K=8)), Layer(gemm("fc2", M=1, N=8, K=8), count=3)))
    >>> [(layer.count, layer.names) for layer in network.layers], network.macs
    ([(4, ('fc1', 'fc2'))], 256)
    """

    name: str
    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", _merge(self.layers))
        if not self.layers:
            raise InputError(f"the network {self.name!r} has no layers: {_why_empty(self.skipped)}")

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def weight_words(self) -> int:
        """Stored parameters in words; layers that share theirs count them once each."""
        return sum(layer.weight_words for layer in self.layers)

    @cached_property
    def skipped_operations(self) -> int:
        """Operations of everything skipped, as far as they are known."""
        return sum(part.operations or 0 for part in self.skipped)

    @property
    def skipped_share(self) -> float:
        """The part of all operations that is skipped, from 0 to 1; a multiply-accumulate is two operations."""
        return self.skipped_operations / (self.skipped_operations + OPERATIONS_PER_MAC * self.macs)

    def layer(self, name: str) -> Layer:
        """The layer with this name; raises InputError with the nearest one."""
        for layer in self.layers:
            if name in layer.names:
                return layer
        names = [name for layer in self.layers for name in layer.names]
        raise InputError(f"the network {self.name!r} has no layer {name!r}", hint=did_you_mean(name, names))

    def __str__(self) -> str:
        total = sum(layer.count for layer in self.layers)
        text = f"{self.name}: {total} layers, {len(self.layers)} distinct, {self.macs:,} MACs, {self.weight_words:,} weights"
        return text + (f"; {self.skipped_share:.2%} of all operations skipped" if self.skipped else "")


def _shape(workload: Workload) -> Hashable:
    """What decides the cost: the bounds and the tensors, up to the order of the inputs."""

    def key(tensor: Tensor) -> Hashable:
        return tensor.name, tensor.ranks, tensor.is_output, tensor.word_bits, tensor.role

    return tuple(workload.bounds.items()), frozenset(map(key, workload.tensors))


def _merge(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    merged: dict[Hashable, Layer] = {}
    for layer in layers:
        shape = _shape(layer.workload)
        first = merged.get(shape)
        if first is not None:
            layer = replace(
                first,
                count=first.count + layer.count,
                names=tuple(dict.fromkeys(first.names + layer.names)),
                weight_words=first.weight_words + layer.weight_words,
            )
        merged[shape] = layer
    return tuple(merged.values())


def _why_empty(skipped: tuple[Skipped, ...]) -> str:
    if not skipped:
        return "expected at least one"
    ops = sorted({part.op for part in skipped})
    return f"all of its operators are skipped ({', '.join(ops[:8])}{', ...' if len(ops) > 8 else ''})"
