"""Space files: the section `explore` of a YAML file, with the base machine and the networks it names, read into a Request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archloom.errors import ArchloomError, InputError, Place, did_you_mean
from archloom.exploration.machines import Machines
from archloom.exploration.objective import goal_of
from archloom.exploration.request import Request
from archloom.exploration.space_base import BaseMachine, read_base
from archloom.exploration.space_checks import check_space
from archloom.exploration.space_networks import read_suite
from archloom.exploration.space_options import read_mapping_choice, read_search
from archloom.exploration.space_parameters import read_space
from archloom.exploration.space_sources import Sources
from archloom.spec.document import Value, YamlMap, parse
from archloom.spec.fields import Fields, Scope
from archloom.spec.values import shown

__all__ = ["load_space"]

Source = str | Path | Mapping[str, Any]

KEYS = (
    *("name", "networks", "mean", "architecture", "parameters", "let", "constraints"),
    *("objectives", "budget", "mapping", "search"),
)
SECTIONS = ("explore", "architecture", "variables", "constraints")
_OWN = tuple(key for key in KEYS if key not in ("architecture", "constraints"))
"""Keys that a change of `sets` names without `explore.` before them."""


def load_space(source: Source, sets: Iterable[str] = (), *, networks: Any = None, **changes: Any) -> Request:
    """Read a space file, YAML text (a string with a newline) or the same as a mapping into a Request.

    `sets` are changes such as `search.seed=1`, `budget.area_mm2=10`, or `levels.GLB.size=64KiB` of the base machine. `networks`: what
    `load_network` takes, or a list, instead of what the file names; `changes` replace other keys of the section, such as
    `budget={"area_mm2": 10}`. Raises InputError with every fault, each with its file, line and column.
    """
    scope, sources = Scope(), Sources()
    sets = tuple(sets)
    document = _document(source, sources)
    scope.sources.append(sources.name)
    for key in document:
        if key not in SECTIONS:
            scope.fault(f"there is no section {shown(key)}", document.key_places[key], did_you_mean(str(key), SECTIONS))
    if "explore" not in document:
        scope.fault("the file has no section 'explore'", Place(sources.name))
        scope.check()
    document, of_machine = _changed(document, sets, {**changes}, scope)
    fields = Fields(document["explore"], document.value_places["explore"], "the section 'explore'", KEYS, scope)
    base = read_base(fields, document, of_machine, sources, scope)
    suite = read_suite(fields, networks, sources, scope)
    space = None if base is None else read_space(fields, base.document, base.architecture, scope)
    request = None
    if base is not None and space is not None:
        machines = Machines(base.document, space, base.tables)
        request = _request(fields, machines, base, suite, sources, sets, scope)
    scope.check()
    assert request is not None
    return request


def _document(source: Source, sources: Sources) -> YamlMap:
    if isinstance(source, Mapping):
        import yaml

        text = yaml.safe_dump(dict(source) if "explore" in source else {"explore": dict(source)}, sort_keys=False)
    elif isinstance(source, str) and "\n" in source:
        text = source
    else:
        text = sources.open(source)
    value = parse(text, sources.name)
    sources.keep(sources.name, text)
    if not isinstance(value, YamlMap):
        raise InputError(f"the file holds {shown(value)}; expected a mapping with 'explore'", Place(sources.name))
    return value


def _changed(
    document: YamlMap, sets: tuple[str, ...], changes: dict[str, Any], scope: Scope
) -> tuple[YamlMap, tuple[str, ...]]:
    """The document with changes made to its section, and the changes that are the base machine's."""
    of_machine: list[str] = []
    for assignment in sets:
        path, _, text = assignment.partition("=")
        place = Place(f"--set {assignment[:80]}")
        first = path.strip().partition(".")[0]
        if first not in ("explore", *_OWN) or not text.strip():
            of_machine.append(assignment)
            continue
        steps = path.strip().removeprefix("explore.").split(".")
        # the names of parameters have dots
        keys = [steps[0], ".".join(steps[1:])] if steps[0] == "parameters" and steps[1:] else steps
        try:
            document = _replaced(document, ["explore", *keys], parse(text.strip(), place.source), place)
        except InputError as error:
            scope.adopt(error, place)
    for key, value in changes.items():
        if value is not None:
            document = _replaced(document, ["explore", key], _as_yaml(value), Place(key))
    return document, tuple(of_machine)


def _as_yaml(value: Any) -> Value:
    """A value of Python as if a file had said it."""
    import yaml

    return parse(yaml.safe_dump(value, sort_keys=False), "argument")


def _replaced(node: YamlMap, keys: list[str], value: Value, place: Place) -> YamlMap:
    if len(keys) > 1 and "." in keys[1]:  # a key with dots is no path
        inner = node.get(keys[0])
        twin = node.copy()
        below = _replaced(inner if isinstance(inner, YamlMap) else YamlMap(place), keys[1:], value, place)
        twin.put(keys[0], below, node.key_places.get(keys[0], place), node.value_places.get(keys[0], place))
        return twin
    if len(keys) == 1:
        twin = node.copy()
        twin.put(keys[0], value, node.key_places.get(keys[0], place), place)
        return twin
    inner = node.get(keys[0])
    if inner is not None and not isinstance(inner, YamlMap):
        raise InputError(f"{keys[0]!r} is {shown(inner)}, which has no {keys[1]!r} inside", place)
    twin = node.copy()
    below = _replaced(inner if inner is not None else YamlMap(place), keys[1:], value, place)
    twin.put(keys[0], below, node.key_places.get(keys[0], place), node.value_places.get(keys[0], place))
    return twin


def _request(
    fields: Fields,
    machines: Machines,
    base: BaseMachine,
    suite: Any,
    sources: Sources,
    sets: tuple[str, ...],
    scope: Scope,
) -> Request | None:
    """The request, once machine and space are known; None after faults."""
    check_space(machines, scope)
    space = machines.space
    names: dict[str, Any] = {p.name: 1.0 if p.numbers is not None else p.texts[0] for p in space.parameters}
    names |= {linked.name: 1.0 for linked in space.linked}
    goal, clocked = None, False
    if not scope.faults:
        try:
            clocked = machines.varies_clock
        except ArchloomError as error:
            scope.adopt(error if isinstance(error, InputError) else InputError(str(error)), fields.place)
    try:
        objectives = fields.raw("objectives") if "objectives" in fields else ["edp"]
        goal = goal_of(objectives, fields.raw("budget"), names=names, clocked=clocked, place=fields.place)
    except InputError as error:
        scope.adopt(error, fields.at("objectives"))
    mapping = read_mapping_choice(fields, base.architecture, goal, sources, scope)
    search = read_search(fields, scope)
    name = fields.text("name", "") if "name" in fields else Path(sources.name).stem
    if scope.faults or goal is None or mapping is None or search is None or suite is None:
        return None
    return Request(name, suite, machines, goal, mapping, search, sources.texts, sets, base.warnings)
