"""The tables of the zoo: finding one by its name, and turning its rows into layers."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from archloom.errors import InputError, did_you_mean
from archloom.workload import layers
from archloom.workload.einsum import Workload
from archloom.workload.network import Layer, Network

__all__ = ["ZooEntry", "load_zoo_network", "zoo_entries", "zoo_entry"]

_CONSTRUCTORS: dict[str, Callable[..., Workload]] = {
    "conv2d": layers.conv2d,
    "gemm": layers.gemm,
    "batched_matmul": layers.batched_matmul,
}


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """A network of the zoo: its names, its totals, and the published MACs it was checked against (None = none found)."""

    name: str
    aliases: tuple[str, ...]
    macs: int
    weight_words: int
    published_macs: int | None
    source: str
    description: str


@cache
def zoo_entries() -> tuple[ZooEntry, ...]:
    """All networks of the zoo."""
    return tuple(
        ZooEntry(
            row["name"],
            tuple(row["aliases"].split()),
            int(row["macs"]),
            int(row["weight_words"]),
            int(row["published_macs"]) if row["published_macs"] else None,
            row["source"],
            row["description"],
        )
        for row in _table("index")
    )


def zoo_entry(name: str) -> ZooEntry | None:
    """The network with this name or alias, or None; case and punctuation do not matter.

    >>> zoo_entry("ResNet-50").name
    'resnet50_v1.5_torchvision'
    """
    return _by_name().get(_plain(name))


@cache
def load_zoo_network(name: str) -> Network:
    """A network of the zoo; raises InputError with the nearest name.

    >>> print(load_zoo_network("mobilenet_v2"))
    mobilenet_v2: 53 layers, 31 distinct, 300,774,272 MACs, 3,469,760 weights
    """
    entry = zoo_entry(name)
    if entry is None:
        names = [name for entry in zoo_entries() for name in (entry.name, *entry.aliases)]
        raise InputError(f"the zoo has no network {name!r}", hint=did_you_mean(name, names))
    return Network(entry.name, tuple(_layer(row) for row in _table(entry.name)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


@cache
def _by_name() -> dict[str, ZooEntry]:
    return {_plain(name): entry for entry in zoo_entries() for name in (entry.name, *entry.aliases)}


def _table(name: str) -> list[dict[str, str]]:
    text = files("archloom.workload.zoo").joinpath(f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _layer(row: dict[str, str]) -> Layer:
    name, op, count = row.pop("layer"), row.pop("op"), int(row.pop("count"))
    workload = _CONSTRUCTORS[op](name, **{key: int(value) for key, value in row.items() if value})
    return Layer(workload, count, weight_words=0 if op == "batched_matmul" else -1)
