"""Reading what is to be mapped: a network or a layer, a machine, and the rules for its mappings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archloom.cli.inputs import looks_like_timeloop, start_of
from archloom.errors import Fault, InputError, Place, did_you_mean

if TYPE_CHECKING:
    from archloom.architecture.hierarchy import Architecture
    from archloom.spec.load import Spec
    from archloom.workload.network import Network

__all__ = [
    "ConstraintsOption",
    "CutsOption",
    "DrainReadsOption",
    "JobsOption",
    "Machine",
    "NoCacheOption",
    "ObjectiveOption",
    "PaddingOption",
    "SeedOption",
    "SourcesArgument",
    "StrategyOption",
    "TimeLimitOption",
    "read_machine",
    "read_network",
    "read_objective",
    "read_seconds",
    "read_sources",
]

SourcesArgument = Annotated[list[str] | None, typer.Argument(metavar="NETWORK|FILES", hidden=True)]
ObjectiveOption = Annotated[
    str,
    typer.Option(
        "--objective",
        metavar="WHAT",
        help="edp, energy, latency, ed2p, or weights of pJ and cycles: energy=1,latency=0.5.",
    ),
]
ConstraintsOption = Annotated[
    str | None,
    typer.Option(
        "--constraints",
        metavar="own|none|FILE",
        help="The rules that mappings keep to: the machine's own (the default), none, or a file's section 'constraints'.",
    ),
]
CutsOption = Annotated[
    str,
    typer.Option(
        "--cuts", metavar="level|free", help="Tiles end at the border of their level's block, or anywhere inside it."
    ),
]
PaddingOption = Annotated[
    bool, typer.Option("--padding", help="Allow factors that multiply to more than a bound, at the cost of idle work.")
]
DrainReadsOption = Annotated[
    bool,
    typer.Option("--drain-reads", help="Count a read where an instance sends outputs outwards, as AccelForge does."),
]
StrategyOption = Annotated[
    str, typer.Option("--strategy", metavar="NAME", help="How to search; exact proves its answers.")
]
TimeLimitOption = Annotated[
    str | None,
    typer.Option(
        "--time-limit", metavar="TIME", help="For the whole run, such as 60s or 5min; what is open then shows its gap."
    ),
]
JobsOption = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=0,
        show_default=False,
        help="Processes side by side; 0, the default: one per core.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="For strategies that draw at random.")]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep answers on disk.")]

UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_NETWORK_SECTION = re.compile(r"^network[ \t]*:", re.M)
_SECONDS = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*")


@dataclass(frozen=True)
class Machine:
    """A machine and the rules that its mappings keep to; `label` tells it from others that it is compared with."""

    label: str
    architecture: Architecture
    constraints: Any


def read_sources(
    sources: Sequence[str],
    *,
    arch: str | None,
    constraints: str | None,
    sets: Sequence[str],
    timeloop: bool,
) -> tuple[Network, Machine]:
    """The network and the machine that the arguments of `map` name. Raises InputError with all faults."""
    files = [Path(source) for source in sources]
    if timeloop or looks_like_timeloop(files):
        return _from_timeloop(files, arch, constraints, sets)
    networks = [source for source in sources if _is_network(source)]
    if len(networks) > 1:
        raise InputError(
            [Fault(f"a second network {name!r} is given; the first is {networks[0]!r}") for name in networks[1:]]
        )
    others = [source for source in sources if source not in networks]
    spec = _load(_need_machine([*others, *([arch] if arch is not None else [])], networks), sets)
    machine = _machine(spec, constraints, arch or "")
    if networks:
        return read_network(networks[0]), machine
    if spec.workload is None:
        raise InputError("no network is given", hint="expected a network of the zoo, such as resnet18, or a file")
    return read_network(spec.workload), machine


def _need_machine(sources: list[str], networks: list[str]) -> list[str]:
    if not sources and networks:
        raise InputError(
            "no architecture is given", hint="expected --arch NAME, or a file with a section 'architecture'"
        )
    if not sources:
        raise InputError("nothing to map", hint="expected a network, such as resnet18, and --arch NAME")
    return sources


def _is_network(source: str) -> bool:
    """Whether an argument names a network, or a layer of one, rather than a file with a machine or a workload."""
    from archloom.workload.zoo import zoo_entry

    path = Path(source)
    if path.is_file():
        return path.suffix.casefold() == ".onnx" or bool(_NETWORK_SECTION.search(start_of(path)))
    if path.suffix.casefold() == ".onnx" or zoo_entry(source) is not None:
        return True
    return path.suffix.casefold() not in (".yaml", ".yml")


def read_network(source: Any) -> Network:
    """A network by name or file; or of one layer, given as NETWORK:LAYER."""
    from archloom.spec import load_network
    from archloom.workload.network import Layer, Network

    if isinstance(source, str) and ":" in source and not Path(source).exists():
        name, _, layer = source.partition(":")
        return Network(layer, (Layer(load_network(name).layer(layer).workload),))
    return load_network(source)


def read_machine(text: str, constraints: str | None, sets: Sequence[str]) -> Machine:
    """A machine given as NAME or FILE, with changes of its own after commas: `eyeriss,levels.GLB.size=64KiB`."""
    name, *changes = text.split(",")
    if Path(text).exists():
        name, changes = text, []
    label = name if not Path(name).suffix else Path(name).stem
    label += "".join(f" {change.strip().removeprefix('levels.')}" for change in changes)
    if constraints not in (None, "own"):
        label += f", {'no rules' if constraints == 'none' else Path(str(constraints)).stem}"
    return _machine(_load([name], [*sets, *changes]), constraints, label)


def _load(sources: Sequence[str], sets: Sequence[str]) -> Spec:
    from archloom.spec import load

    spec = load(*sources, sets=sets)
    for sentence in spec.warnings:
        warnings.warn(sentence, stacklevel=2)
    return spec


def _machine(spec: Spec, constraints: str | None, label: str) -> Machine:
    if spec.architecture is None:
        raise InputError(
            "no architecture is given", hint="expected --arch NAME, or a file with a section 'architecture'"
        )
    own = spec.constraints if constraints in (None, "own") else ()
    if constraints not in (None, "own", "none"):
        own = _constraints_of(str(constraints))
    return Machine(label or spec.architecture.name, spec.architecture, own)


def _constraints_of(file: str) -> Any:
    from archloom.spec import load

    if not Path(file).exists():
        raise InputError("no such file", Place(file), did_you_mean(file, ("own", "none")))
    rules = load(file).constraints
    if not rules:
        raise InputError("the file has no section 'constraints'", Place(file))
    return rules


def _from_timeloop(
    files: Sequence[Path], arch: str | None, constraints: str | None, sets: Sequence[str]
) -> tuple[Network, Machine]:
    from archloom.interop import timeloop
    from archloom.spec import load, to_yaml

    for option, given in (("--arch", arch), ("--constraints FILE", constraints not in (None, "own", "none"))):
        if given:
            raise InputError(
                f"{option} cannot be combined with Timeloop files",
                hint="convert them first: archloom convert FILES --to native",
            )
    loaded = timeloop.load(*(str(path) for path in files))
    architecture = loaded.architecture
    if sets:
        changed = load(to_yaml(architecture), sets=sets).architecture
        assert changed is not None
        architecture = changed
    rules = None if constraints == "none" else loaded
    return read_network(loaded.workload), Machine(architecture.name, architecture, rules)


def read_objective(text: str) -> str | dict[str, float]:
    """`edp`, or `energy=1,latency=0.5`."""
    if "=" not in text:
        return text.casefold()
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[name.strip().casefold()] = float(number)
        except ValueError:
            raise InputError(
                f"{part.strip()!r} is no weight", Place("--objective"), "expected such as energy=1,latency=0.5"
            ) from None
    return weights


def read_seconds(text: str | None) -> float | None:
    """`60s`, `5min`, `1.5h` or plain seconds."""
    if text is None:
        return None
    match = _SECONDS.fullmatch(text.casefold())
    if match is None or match[2] not in UNITS or not float(match[1]):
        raise InputError(f"{text!r} is no time", Place("--time-limit"), "expected such as 60s, 5min or 1h")
    return float(match[1]) * UNITS[match[2]]
