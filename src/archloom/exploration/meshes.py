"""Which parameters can change the size of a fanout, and so how many instances there are of all that lies inside it."""

from __future__ import annotations

from archloom.errors import Place
from archloom.exploration.dependencies import standing_on
from archloom.exploration.machines import Machines
from archloom.exploration.space_paths import full_path, levels_of, mentions
from archloom.spec.document import YamlMap

__all__ = ["mesh_parameters"]


def mesh_parameters(machines: Machines) -> list[frozenset[int]]:
    """Per level, outer to inner: the numbers of the free parameters that its fanout may depend on."""
    space, document = machines.space, machines.document
    levels = levels_of(document)
    found: list[set[int]] = [set() for _ in levels]
    set_paths = [(p.path, frozenset({at})) for at, p in enumerate(space.parameters)]
    set_paths += [(linked.path, space.uses([linked.name])) for linked in space.linked if linked.path]
    for path, uses in set_paths:
        match full_path(path, document, Place(""))[1]:
            case ("architecture", "levels", int(at), str(key), *_):
                where = [at] if key == "fanout" else []
            case ("architecture", "variables", str(name)) | ("variables", str(name)):
                names = standing_on(name, document)
                fanouts = [level.get("fanout") if isinstance(level, YamlMap) else None for level in levels]
                where = [at for at, fanout in enumerate(fanouts) if not names.isdisjoint(mentions(fanout))]
                # a value that a parameter puts into a fanout may speak of variables too
                where += [at for at in range(len(levels)) if any(_is_in_fanout(p, document, at) for p, _ in set_paths)]
            case ("architecture", str(key), *_) if key not in ("levels", "variables"):
                where = []
            case ("constraints", *_):
                where = []
            case _:
                where = list(range(len(levels)))
        for at in where:
            found[at] |= uses
    return [frozenset(uses) for uses in found]


def _is_in_fanout(path: str, document: YamlMap, at: int) -> bool:
    return full_path(path, document, Place(""))[1][:4] == ("architecture", "levels", at, "fanout")
