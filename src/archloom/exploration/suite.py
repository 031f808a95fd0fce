"""Suites: the networks that one chip is chosen for, their weights, and the mean over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Fault, InputError, did_you_mean
from archloom.workload.einsum import Tensor, Workload
from archloom.workload.network import Network

__all__ = ["MEANS", "Suite"]

MEANS = ("geometric", "arithmetic")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Suite:
    """Networks with weights above 0, and how a figure of merit of all of them is made of theirs: a weighted mean.

    Layers that are alike, within a network or between networks, are one *distinct layer*.
    """

    networks: tuple[Network, ...]
    weights: tuple[float, ...] = ()
    mean: str = "geometric"

    def __post_init__(self) -> None:
        object.__setattr__(self, "networks", tuple(self.networks))
        object.__setattr__(self, "weights", tuple(self.weights) or (1.0,) * len(self.networks))
        faults = [Fault(message) for message in self._faults()]
        if self.mean not in MEANS:
            faults.append(Fault(f"unknown mean {self.mean!r}", hint=did_you_mean(str(self.mean), MEANS)))
        if faults:
            raise InputError(faults)

    def _faults(self) -> list[str]:
        if not self.networks:
            return ["no network is given; expected at least one"]
        if len(self.weights) != len(self.networks):
            return [f"{len(self.weights)} weights are given for {len(self.networks)} networks"]
        return [
            f"the weight of {network.name!r} is {weight!r}; expected more than 0"
            for network, weight in zip(self.networks, self.weights, strict=True)
            if not 0 < weight < math.inf
        ]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each network, no two alike: `vgg16`, `vgg16#2`."""
        seen: dict[str, int] = {}
        names: list[str] = []
        for network in self.networks:
            seen[network.name] = seen.get(network.name, 0) + 1
            names.append(network.name if seen[network.name] == 1 else f"{network.name}#{seen[network.name]}")
        return tuple(names)

    @cached_property
    def _numbers(self) -> dict[tuple[object, ...], int]:
        shapes = dict.fromkeys(_shape(layer.workload) for network in self.networks for layer in network.layers)
        return {shape: number for number, shape in enumerate(shapes)}

    @cached_property
    def layers(self) -> tuple[Workload, ...]:
        """The distinct layers, as they come first."""
        first: dict[int, Workload] = {}
        for network in self.networks:
            for layer in network.layers:
                first.setdefault(self._numbers[_shape(layer.workload)], layer.workload)
        return tuple(first.values())

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """Where each distinct layer comes first: `resnet18: conv1`."""
        first: dict[int, str] = {}
        for name, network in zip(self.names, self.networks, strict=True):
            for layer in network.layers:
                full = layer.name if len(network.layers) == 1 and layer.name == name else f"{name}: {layer.name}"
                first.setdefault(self._numbers[_shape(layer.workload)], full)
        return tuple(first.values())

    @cached_property
    def members(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Per network: its layers as (number of the distinct layer, how often it is executed)."""
        return tuple(
            tuple((self._numbers[_shape(layer.workload)], layer.count) for layer in network.layers)
            for network in self.networks
        )

    @cached_property
    def macs(self) -> tuple[int, ...]:
        """Multiply-accumulates of each network."""
        return tuple(network.macs for network in self.networks)

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Words of output that each network's layers write."""
        sizes = [layer.words(layer.output) for layer in self.layers]
        return tuple(sum(count * sizes[at] for at, count in member) for member in self.members)

    def total(self, per_layer: Values) -> Values:
        """[B, layers] -> [B, networks]: the sum over a network's layers, times their counts, exactly rounded."""
        totals = np.empty((len(per_layer), len(self.networks)))
        for n, member in enumerate(self.members):
            parts = per_layer[:, [at for at, _ in member]] * np.array([count for _, count in member], dtype=np.float64)
            totals[:, n] = [math.fsum(row) if math.isfinite(sum(row)) else sum(row) for row in parts.tolist()]
        return totals

    def average(self, values: Values) -> Values:
        """[B, networks] -> [B]: the weighted mean; of figures below 0 there is no geometric mean (nan)."""
        if values.shape[1] == 1:
            return values[:, 0]
        whole = math.fsum(self.weights)
        one = self._arithmetic if self.mean == "arithmetic" else self._geometric
        return np.array([one(row, whole) for row in values.tolist()], dtype=np.float64)

    def _arithmetic(self, row: Sequence[float], whole: float) -> float:
        terms = [weight * value for weight, value in zip(self.weights, row, strict=True)]
        return math.fsum(terms) / whole if math.isfinite(sum(terms)) else sum(terms)

    def _geometric(self, row: Sequence[float], whole: float) -> float:
        if not all(value >= 0 for value in row):
            return math.nan
        if math.inf in row:
            return math.nan if 0 in row else math.inf
        if 0 in row:
            return 0.0
        return math.exp(math.fsum(w * math.log(value) for w, value in zip(self.weights, row, strict=True)) / whole)


def _shape(workload: Workload) -> tuple[object, ...]:
    """What decides what a layer costs: the bounds, and the tensors in any order."""

    def key(tensor: Tensor) -> tuple[object, ...]:
        return tensor.name, tensor.ranks, tensor.is_output, tensor.word_bits, tensor.role

    return tuple(workload.bounds.items()), frozenset(map(key, workload.tensors))
