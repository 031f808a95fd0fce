"""The architecture as users write it since version 0.4: nested nodes with containers, spatial meshes and node constraints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from archloom.errors import Place, did_you_mean
from archloom.interop.timeloop.architecture import Pieces
from archloom.interop.timeloop.components import Part, is_dummy, kind_of_class
from archloom.interop.timeloop.constraints import Constraint, Origin, ResidencyConstraint, constraint_from
from archloom.interop.timeloop.fields import Field, Fields, Notes, as_map, kind_of
from archloom.spec.document import YamlList, YamlMap
from archloom.workload.einsum import Workload

__all__ = ["TAGS", "hierarchical_pieces", "spatial_name"]

MAX_MESH = 2**40
MAX_PARTS = 1000
_BRANCHES = ("!Hierarchical", "!Parallel", "!Pipelined")
_LEAVES = ("!Component", "!Container", "!Nothing")
# the front end gives each component its own default of these before attributes pass down
_NOT_INHERITED = frozenset(
    {
        "allow_overbooking",
        "cluster_size",
        "has_power_gating",
        "min_utilization",
        "multiple_buffering",
        "n_banks",
        "reduction_supported",
    }
)
TAGS = frozenset((*_BRANCHES, *_LEAVES, "!Network", "!Storage", "!Compute", "!nomerge"))
"""The YAML tags that an architecture may carry."""


def spatial_name(name: str) -> str:
    """The level that stands for the fanout of a container or component called `name`, as Timeloop's front end names it."""
    return f"inter_{name}_spatial"


@dataclass
class _State:
    """What is known on the way down the nodes."""

    notes: Notes
    workload: Workload | None
    names: dict[str, object]
    parts: list[Part] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    inherited: Fields | None = None
    mesh_x: int = 1
    mesh_y: int = 1
    gate: str | None = None
    gate_next: bool = False
    seen: dict[str, Place] = field(default_factory=dict)


def hierarchical_pieces(
    architecture: Fields,
    workload: Workload | None,
    notes: Notes,
    names: dict[str, object],
    attached: Iterable[Constraint] = (),
) -> Pieces:
    """Flatten the nodes into components, outermost first; `attached` are the constraints written elsewhere.

    A container (or component) with a mesh becomes a level of its own that holds nothing, named `inter_<name>_spatial`.
    Without a workload (when it is faulty) the constraints are not read.
    """
    state = _State(notes, workload, names)
    architecture.take("version")
    top = architecture.take("nodes")
    if top is not None:
        _branch(top, "!Hierarchical", state, tuple(attached))
    for extra in ("attributes", "name"):
        architecture.take(extra)
    if state.parts and kind_of_class(state.parts[-1].class_name) != "compute":
        notes.fault(f"the last node is {state.parts[-1].name}; expected a compute component", state.parts[-1].place)
    name = next(iter(state.seen), "architecture")
    return Pieces(name, tuple(state.parts), tuple(state.constraints))


def _branch(nodes: Field, tag: str, state: _State, attached: tuple[Constraint, ...]) -> None:
    if not isinstance(nodes.value, YamlList):
        state.notes.fault(f"nodes is {kind_of(nodes.value)}; expected a list of nodes", nodes.place)
        return
    kept: list[set[str]] = []
    for item, place in zip(nodes.value, nodes.value.value_places, strict=True):
        node = as_map(item, "a node", place, state.notes)
        if node is None:
            continue
        if len(state.parts) > MAX_PARTS:
            state.notes.fault(f"the architecture has more than {MAX_PARTS} components", place)
            return
        start = len(state.parts), len(state.constraints)
        _node(node, place, tag == "!Parallel", state, attached)
        if tag == "!Parallel":
            kept.append(_close_branch(start, node, place, state, attached))
    if tag == "!Parallel":
        _check_parallel(kept, nodes.place, state)


def _node(node: YamlMap, place: Place, in_parallel: bool, state: _State, attached: tuple[Constraint, ...]) -> None:
    tag = node.tag or ("!Component" if "class" in node else "!Hierarchical" if "nodes" in node else "!Container")
    fields = Fields(node, tag, state.notes)
    if tag in _BRANCHES:
        below = fields.take("nodes")
        fields.take("name")
        if below is not None:
            _branch(below, tag, state, attached)
        return
    name = fields.text("name")
    if tag == "!Nothing":
        fields.take("constraints", "class", "name")
        return
    if not name:
        state.notes.fault(f"a {tag} has no name", place)
        return
    if name in state.seen:
        state.notes.fault(f"the name {name!r} is used twice; it stands first at {state.seen[name]}", place)
        return
    state.seen[name] = place
    fields.call(name)
    if not fields.flag("enabled", default=True):
        fields.ignore()
        return
    _leaf(tag, name, fields, place, in_parallel, state)


def _leaf(tag: str, name: str, fields: Fields, place: Place, in_parallel: bool, state: _State) -> None:
    attributes = fields.map("attributes")
    source = Fields(
        attributes if attributes is not None else YamlMap(place),
        name,
        state.notes,
        names=state.names,
        inherited=state.inherited,
    )
    fanout_x, fanout_y = _mesh(fields, name, source, state)
    has_fanout = fanout_x * fanout_y != 1
    is_container = tag == "!Container"
    gating = source.flag("has_power_gating")
    if in_parallel and (is_container or has_fanout):
        what = "a container" if is_container else "a component with a mesh"
        state.notes.fault(f"{name}: {what} cannot stand directly in a !Parallel", place, "put it around the !Parallel")
    if is_container:
        state.inherited = source.without(_NOT_INHERITED)
        if fields.take("networks") is not None:
            state.notes.remark(f"networks of {name}: networks are not modelled")
    _constraints(name, fields, is_container, has_fanout, state)
    if has_fanout:
        dummy = YamlMap(place)
        state.parts.append(_part(spatial_name(name), "dummy_storage", Fields(dummy, name, state.notes), place, state))
        _pass_gate(spatial_name(name), gating, state)
    state.mesh_x *= fanout_x
    state.mesh_y *= fanout_y
    if is_container:
        return
    fields.take("required_actions")
    subclass = fields.text("subclass")
    _add_component(name, fields.text("class"), subclass, source, gating, place, state)


def _add_component(
    name: str, class_name: str, subclass: str, source: Fields, gating: bool, place: Place, state: _State
) -> None:
    kind = kind_of_class(class_name)
    if kind in ("network", "other"):
        state.notes.remark(f"the component {name} of class {class_name!r} plays no part")
        return
    if state.parts and kind_of_class(state.parts[-1].class_name) == "compute":
        state.notes.fault(f"{name} stands inside the compute component {state.parts[-1].name}", place)
    if kind == "memory" and state.gate is not None and source.take("power_gated_at") is None:
        gate = YamlMap(place)
        gate.put("power_gated_at", state.gate, place, place)
        source = Fields(gate, name, state.notes, inherited=source)
    state.parts.append(_part(name, class_name, source, place, state, subclass))
    _pass_gate(name, gating, state)


def _pass_gate(name: str, gating: bool, state: _State) -> None:
    """What follows a component that has power gating is gated by the level next after it."""
    if state.gate_next:
        state.gate = name
    state.gate_next = gating


def _part(name: str, class_name: str, fields: Fields, place: Place, state: _State, subclass: str = "") -> Part:
    return Part(name, class_name, state.mesh_x * state.mesh_y, state.mesh_x, state.mesh_y, fields, place, subclass)


def _mesh(fields: Fields, name: str, source: Fields, state: _State) -> tuple[int, int]:
    spatial = fields.map("spatial")
    if spatial is None:
        return 1, 1
    mesh = Fields(spatial, name, state.notes, names=source.names)
    x, y = mesh.integer("meshX", default=1, most=MAX_MESH), mesh.integer("meshY", default=1, most=MAX_MESH)
    if state.mesh_x * state.mesh_y * (x or 1) * (y or 1) > MAX_MESH:
        state.notes.fault(f"{name}: the meshes make more than 2**40 instances", spatial.place)
        return 1, 1
    return x or 1, y or 1


def _constraints(name: str, fields: Fields, is_container: bool, has_fanout: bool, state: _State) -> None:
    given = fields.take("constraints")
    if given is None or state.workload is None:
        return
    for kind, entry in _constraint_entries(given, state.notes):
        target = spatial_name(name) if has_fanout and (is_container or kind == "spatial") else name
        if is_container and (kind != "spatial" or not has_fanout):
            state.notes.remark(f"the {kind} constraint of the container {name} has no level to hold it")
            Fields(entry, name, state.notes).ignore()
            continue
        inner = Fields(entry, name, state.notes, names=state.names)
        state.constraints += constraint_from(kind, target, inner, Origin.NODE, state.workload, state.notes)


def _constraint_entries(given: Field, notes: Notes) -> Iterator[tuple[str, YamlMap]]:
    if isinstance(given.value, YamlList):
        for item, place in zip(given.value, given.value.value_places, strict=True):
            entry = as_map(item, f"{given.owner}: a constraint", place, notes)
            if entry is not None:
                yield str(entry.get("type", "")), entry
        return
    source = as_map(given.value, f"{given.owner}: constraints", given.place, notes)
    if source is None:
        return
    known = ("spatial", "temporal", "dataspace", "max_overbooked_proportion", "utilization")
    for key, value in source.items():
        if str(key) not in known:
            notes.fault(
                f"{given.owner}: {key!r} is not a kind of constraint",
                source.key_places[key],
                did_you_mean(str(key), known),
            )
            continue
        if value is None:
            continue
        entry = as_map(value, f"{given.owner}: the {key} constraint", source.value_places[key], notes)
        if entry is not None:
            yield str(key), entry


def _close_branch(
    start: tuple[int, int], node: YamlMap, place: Place, state: _State, attached: tuple[Constraint, ...]
) -> set[str]:
    """What a branch of a !Parallel keeps; everything else bypasses all of its memories."""
    if state.workload is None:
        return set()
    names = [
        part.name
        for part in state.parts[start[0] :]
        if kind_of_class(part.class_name) == "memory" and not is_dummy(part.class_name)
    ]
    own = [*state.constraints[start[1] :], *(constraint for constraint in attached if constraint.target in names)]
    if node.tag == "!Nothing":
        own += _nothing_constraints(node, state.workload, state.notes)
    kept = {name for constraint in own if isinstance(constraint, ResidencyConstraint) for name in constraint.keep}
    others = tuple(tensor.name for tensor in state.workload.tensors if tensor.name not in kept)
    for name in names:
        _bypass(name, others, place, state)
    return kept


def _bypass(target: str, tensors: tuple[str, ...], place: Place, state: _State) -> None:
    """Add to what a level bypasses, in the constraint that it has already, if any."""
    for at, constraint in enumerate(state.constraints):
        if isinstance(constraint, ResidencyConstraint) and constraint.target == target:
            state.constraints[at] = replace(constraint, bypass=tuple(dict.fromkeys((*constraint.bypass, *tensors))))
            return
    state.constraints.append(ResidencyConstraint(target, Origin.NODE, place, bypass=tensors))


def _nothing_constraints(node: YamlMap, workload: Workload, notes: Notes) -> list[Constraint]:
    fields = Fields(node, "!Nothing", notes)
    given = fields.take("constraints")
    fields.ignore()
    if given is None:
        return []
    return [
        constraint
        for kind, entry in _constraint_entries(given, notes)
        for constraint in constraint_from(
            kind, "nothing", Fields(entry, "!Nothing", notes), Origin.NODE, workload, notes
        )
    ]


def _check_parallel(kept: list[set[str]], place: Place, state: _State) -> None:
    if state.workload is None:
        return
    seen: set[str] = set()
    for names in kept:
        for name in sorted(names & seen):
            state.notes.fault(f"{name!r} is kept in two branches of a !Parallel; expected one", place)
        seen |= names
    missing = [tensor.name for tensor in state.workload.tensors if tensor.name not in seen]
    if missing:
        state.notes.fault(
            f"no branch of the !Parallel keeps {', '.join(missing)}",
            place,
            "add a constraint 'dataspace: {keep: [...]}' to a component in it, or a '!Nothing' with that constraint",
        )
