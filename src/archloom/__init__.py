"""Exact costs of neural-network layers on accelerators: latency, energy and area of a mapping, and the reasons.

>>> import archloom as al
>>> dot = al.einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 8})
>>> machine = al.Architecture("one", (al.Memory("RAM", read_pj=1.0, update_pj=1.0),))
>>> nest = al.LevelNest("RAM", (al.Loop("m", 2), al.Loop("k", 8)), keep=frozenset("OWI"))
>>> al.evaluate(dot, machine, al.Mapping((nest,))).cycles
16
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archloom.display import renderers, savers

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from archloom.architecture.hierarchy import Architecture, Compute, Fanout, Memory
    from archloom.errors import InfeasibleError, InputError
    from archloom.exploration.explore import explore
    from archloom.exploration.space_file import load_space
    from archloom.exploration.study import Study, open_study
    from archloom.mapping.nest import LevelNest, Loop, Mapping
    from archloom.model.batch import evaluate_batch
    from archloom.model.evaluate import evaluate
    from archloom.model.result import Evaluation
    from archloom.search.mapper import map
    from archloom.search.network_mapping import LayerMapping, NetworkMapping
    from archloom.search.pareto import ParetoFront, pareto
    from archloom.spec import load, load_architecture, load_network
    from archloom.workload.einsum import Workload, einsum
    from archloom.workload.network import Network

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "Compute",
    "Evaluation",
    "Fanout",
    "InfeasibleError",
    "InputError",
    "LayerMapping",
    "LevelNest",
    "Loop",
    "Mapping",
    "Memory",
    "Network",
    "NetworkMapping",
    "ParetoFront",
    "Study",
    "Workload",
    "__version__",
    "einsum",
    "evaluate",
    "evaluate_batch",
    "explore",
    "load",
    "load_architecture",
    "load_network",
    "load_space",
    "map",
    "open_study",
    "pareto",
]

_HOMES = {
    "archloom.architecture.hierarchy": ("Architecture", "Compute", "Fanout", "Memory"),
    "archloom.errors": ("InfeasibleError", "InputError"),
    "archloom.exploration.explore": ("explore",),
    "archloom.exploration.space_file": ("load_space",),
    "archloom.exploration.study": ("Study", "open_study"),
    "archloom.mapping.nest": ("LevelNest", "Loop", "Mapping"),
    "archloom.model.batch": ("evaluate_batch",),
    "archloom.model.evaluate": ("evaluate",),
    "archloom.model.result": ("Evaluation",),
    "archloom.search.mapper": ("map",),
    "archloom.search.network_mapping": ("LayerMapping", "NetworkMapping"),
    "archloom.search.pareto": ("ParetoFront", "pareto"),
    "archloom.spec": ("load", "load_architecture", "load_network"),
    "archloom.workload.einsum": ("Workload", "einsum"),
    "archloom.workload.network": ("Network",),
}
"""Where each name lives: modules load when one of their names is first asked for, so that the door stays light."""


def _show_evaluation(evaluation: Evaluation) -> str:
    from archloom.report.html import evaluation_fragment

    return evaluation_fragment(evaluation)


def _show_mapping(mapping: Mapping) -> str:
    from archloom.report.html import mapping_fragment

    return mapping_fragment(mapping)


def _show_network_mapping(mapping: NetworkMapping) -> str:
    from archloom.report.mapping_html import network_fragment

    return network_fragment(mapping)


def _show_layer_mapping(layer: LayerMapping) -> str:
    from archloom.report.mapping_html import layer_fragment

    return layer_fragment(layer)


def _save_network_mapping(mapping: NetworkMapping, folder: str | PathLike[str]) -> list[Path]:
    from archloom.report.mapping_files import save

    return save(mapping, folder)


renderers.update(
    Evaluation=_show_evaluation,
    Mapping=_show_mapping,
    NetworkMapping=_show_network_mapping,
    LayerMapping=_show_layer_mapping,
)
savers.update(NetworkMapping=_save_network_mapping)


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'archloom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
