"""Which numbers of a machine a parameter can change, found by reading the machine's file; in doubt, all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from archloom.exploration.space_paths import Steps, levels_of, mentions
from archloom.spec.document import Value, YamlMap

__all__ = ["ASPECTS", "COMPUTE", "MACHINE", "RULES", "Part", "Reading", "parts_of", "standing_on"]

COMPUTE, MACHINE, RULES = "compute", "machine", "rules"
"""The parts that are no level: the compute units; clock and pooling; the constraints on mappings."""

ASPECTS = ("size", "fanout", "bandwidth", "energy", "costs", "form")
"""Parts of a level: `costs` are leakage and area; `form` is all that the counts of a mapping go by."""

Part = str | tuple[int, str]
"""A part of a machine: COMPUTE, MACHINE, RULES, or an aspect of a level, levels counted outer to inner."""

_OF_LIBRARY = ("banks", "ports", "cell", "type", "voltage", "attributes", "technology", "class", "node")
_OF_KEY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("size", "size_bits"), ("size",)),
    **dict.fromkeys(("read_bandwidth", "write_bandwidth", "shared_bandwidth"), ("bandwidth",)),
    **dict.fromkeys(("leak", "leak_pj", "area", "area_um2"), ("costs",)),
    **dict.fromkeys(("energy", *_OF_LIBRARY), ("energy", "costs")),
    "network": ("energy",),
    "fanout": ("fanout", "form"),
}
"""The aspects that a key of a level is about, where it is not about all of them."""

Texts = Mapping[Part, Iterable[Any]]


def parts_of(document: YamlMap) -> tuple[Part, ...]:
    """All parts of the machine, levels outer to inner."""
    levels = range(len(levels_of(document)))
    return (*((level, aspect) for level in levels for aspect in ASPECTS), COMPUTE, MACHINE, RULES)


def standing_on(name: str, document: YamlMap) -> set[str]:
    """A variable and all that refer to it."""
    section = document.get("architecture")
    holders = [document.get("variables"), section.get("variables") if isinstance(section, YamlMap) else None]
    names = {name}
    entries = [
        (str(key), set(mentions(text))) for part in holders if isinstance(part, YamlMap) for key, text in part.items()
    ]
    while True:
        more = {key for key, words in entries if words & names} - names
        if not more:
            return names
        names |= more


@dataclass(frozen=True)
class Reading:
    """The file of a machine, with all that parameters may put into it: where (steps), and which values."""

    document: YamlMap
    settings: tuple[tuple[Steps, tuple[Any, ...]], ...]

    def touched(self, steps: Steps) -> frozenset[Part]:
        """The parts that may change with the value at `steps`."""
        return self._with_wires(self._direct(steps))

    def _direct(self, steps: Steps) -> frozenset[Part]:
        match steps:
            case ("architecture", "levels", int(level), str(key), *_) if key not in ("name", "power_gated_at"):
                return self._of_level(level, key)
            case ("architecture", "compute", str(key), *_) if key != "name":
                return frozenset({COMPUTE})
            case ("architecture", "pooled" | "name"):
                return frozenset({MACHINE})
            case ("architecture", "clock" | "clock_hz"):
                return self._clocked()
            case ("architecture", "node" | "technology" | "components" | "network"):
                return self._everywhere("energy", "costs") | {COMPUTE}
            case ("constraints", *_):
                return frozenset({RULES})
            case ("architecture", "variables", str(name)) | ("variables", str(name)):
                return self._mentioning(name)
            case _:
                return frozenset(parts_of(self.document))

    def _everywhere(self, *aspects: str) -> frozenset[Part]:
        return frozenset((level, aspect) for level in range(len(levels_of(self.document))) for aspect in aspects)

    def _of_level(self, level: int, key: str) -> frozenset[Part]:
        aspects = _OF_KEY.get(key, ASPECTS)
        if "size" in aspects and self._is_priced(("architecture", "levels", level)):
            aspects = (*aspects, "energy", "costs")
        return frozenset((level, aspect) for aspect in aspects)

    def _clocked(self) -> frozenset[Part]:
        """What is given per second, or in watts, or priced by the library."""
        found: set[Part] = {MACHINE}
        for level in range(len(levels_of(self.document))):
            steps: Steps = ("architecture", "levels", level)
            if self._is_priced(steps) or _in_watts(self._values(steps, "leak")):
                found |= {(level, "energy"), (level, "costs")}
            if any("/s" in text for text in _texts(self._values(steps))):
                found.add((level, "bandwidth"))
        if self._is_priced(("architecture", "compute")) or _in_watts(self._values(("architecture", "compute"), "leak")):
            found.add(COMPUTE)
        return frozenset(found)

    def _mentioning(self, name: str) -> frozenset[Part]:
        """The parts whose texts speak of a variable, or of one that stands on it."""
        names = standing_on(name, self.document)
        section = self.document.get("architecture")
        found: set[Part] = set()
        for level, entry in enumerate(levels_of(self.document)):
            keys = [*map(str, entry)] if isinstance(entry, YamlMap) else []
            keys += [str(at[3]) for at, _ in self.settings if at[:3] == ("architecture", "levels", level) and at[3:]]
            for key in dict.fromkeys(keys):
                if not names.isdisjoint(mentions(self._values(("architecture", "levels", level), key))):
                    found |= self._direct(("architecture", "levels", level, key))
        for key in section if isinstance(section, YamlMap) else ():
            if key not in ("levels", "variables") and not names.isdisjoint(
                mentions(self._values(("architecture",), str(key)))
            ):
                found |= {COMPUTE} if key == "compute" else self._direct(("architecture", str(key)))
        if not names.isdisjoint(mentions(self._values((), "constraints"))):
            found.add(RULES)
        return frozenset(found)

    def _values(self, steps: Steps, key: str = "") -> list[Any]:
        """All that may stand at `steps`, or under one of its keys: what the file has, and what parameters put there."""
        steps = (*steps, key) if key else steps
        node: Value = self.document
        for step in steps:
            if isinstance(node, list) and isinstance(step, int):
                node = node[step] if step < len(node) else None
            else:
                node = node.get(step) if isinstance(node, YamlMap) else None
        within = [values for at, values in self.settings if at[: len(steps)] == steps]
        return [node, *(value for values in within for value in values)]

    def _is_priced(self, steps: Steps) -> bool:
        """Whether the library may be asked for the component: unless it has no class, or each of its energies is stated."""
        if self._values(steps, "class") == [None]:
            return False
        stated = [
            value for value in (*self._values(steps, "energy"), *self._values(steps, "energy_pj")) if value is not None
        ]
        maps = [value for value in stated if isinstance(value, dict)]
        actions = [
            any(key in value for key in (action, f"{action}_pj")) for value in maps for action in ("read", "write")
        ]
        return (
            not stated
            or not all(actions)
            or any(at[: len(steps)] == steps and "class" in at for at, _ in self.settings)
        )

    def _with_wires(self, direct: frozenset[Part]) -> frozenset[Part]:
        """With the levels outside of these, where wires are charged: what they cost goes by the areas of all that lies inside."""
        stated = self._values(("architecture",), "network")
        for level in range(len(levels_of(self.document))):
            stated += self._values(("architecture", "levels", level), "network")
        if all(value in (None, "none") for value in stated):
            return direct
        inside = [part[0] for part in direct if isinstance(part, tuple) and part[1] in ("costs", "fanout", "form")]
        innermost = len(levels_of(self.document)) - 1 if COMPUTE in direct else max(inside, default=-1)
        return direct | {(level, "energy") for level in range(innermost + 1)}


def _texts(values: Any) -> Iterable[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict | list):
        for value in values.values() if isinstance(values, dict) else values:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            yield from _texts(value)


def _in_watts(values: list[Any]) -> bool:
    return any(text.rstrip().endswith("W") for text in _texts(values))
