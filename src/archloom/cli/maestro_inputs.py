"""What `archloom maestro` is asked about: layers from a file or a network, the machine, the axes of a sweep, and budgets."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.cli.messages import note
from archloom.errors import Fault, InputError, Place, did_you_mean

if TYPE_CHECKING:
    from archloom.interop.maestro.hardware import Hardware
    from archloom.interop.maestro.translate import Translation

__all__ = [
    "BUDGETS",
    "MACHINE_KEYS",
    "Subject",
    "read_budgets",
    "read_machine",
    "read_subject",
    "read_sweep",
    "warn_refused",
]

MACHINE_KEYS = {
    "pes": ("num_pes", "num_pes"),
    "simd": ("simd_lanes", "num_simd_lanes"),
    "noc_bw": ("noc_bandwidth", "noc_bw_cstr"),
    "noc_latency": ("noc_latency", "NoC_NumHops"),
    "offchip_bw": ("offchip_bandwidth", "offchip_bw_cstr"),
    "l1": ("l1_size", "l1_size_cstr"),
    "l2": ("l2_size", "l2_size_cstr"),
}
"""What can be said about a machine: the field, and MAESTRO's own word, which will do as well."""

SAMPLE = {
    "num_pes": 256,
    "noc_bandwidth": 1000,
    "noc_latency": 1,
    "offchip_bandwidth": 50,
    "l1_size": 100,
    "l2_size": 3000,
}
"""The sample accelerator of MAESTRO, which stands in where no machine is given."""

BUDGETS = {"area": {"mm2": 1e6, "um2": 1.0, "mm²": 1e6, "µm²": 1.0}, "power": {"mW": 1.0, "W": 1e3, "uW": 1e-3}}
"""What a budget can be about, with its units in those of the columns: um2 and mW."""

LARGEST = 2**31 - 1
MOST_VALUES = 1_000_000
AMOUNT = re.compile(r"\s*([0-9.eE+]+)\s*(\S*)\s*")


@dataclass(frozen=True)
class Subject:
    """Layers with their counts; `label` says where they are from, `dataflow` the stock dataflow that they are under."""

    label: str
    translation: Translation
    dataflow: str = ""


def read_subject(file: Path | None, network: str | None, dataflow: str | None, layers: Sequence[str]) -> Subject:
    """The layers that the arguments name. Raises InputError."""
    if (file is None) == (network is None):
        what = "nothing to price" if file is None else "a mapping file and --network exclude each other"
        hint = "expected a mapping file (.m), or --dataflow NAME with --network NAME"
        raise InputError(what, hint=hint)
    if network is not None and dataflow is None:
        raise InputError("--network needs a dataflow", hint="add --dataflow NAME, such as kc-p; --dataflows lists them")
    subject = from_network(str(network), str(dataflow)) if file is None else from_file(file, dataflow)
    return chosen(subject, layers) if layers else subject


def from_network(name: str, dataflow: str) -> Subject:
    from archloom.cli.mapping_inputs import read_network
    from archloom.interop import maestro

    flow = maestro.dataflow(dataflow)
    network = read_network(name)
    return Subject(network.name, maestro.translate(network, flow), flow.name)


def from_file(path: Path, dataflow: str | None) -> Subject:
    """A mapping file, its layers under their own directives unless a dataflow is named."""
    from archloom.interop import maestro
    from archloom.interop.maestro.translate import Translation

    network = maestro.parse_mapping(read_text(path, "mapping"), str(path))
    if dataflow is not None:
        flow = maestro.dataflow(dataflow)
        network = maestro.Network(network.name, tuple(map(flow.on, network.layers)))
    counts = (1,) * len(network.layers)
    return Subject(network.name or path.stem, Translation(network, counts), flow.name if dataflow is not None else "")


def read_text(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        others = sorted(str(other) for other in path.parent.glob("*.m")) if path.parent.is_dir() else []
        hint = did_you_mean(str(path), others) if others else f"expected a {what} file of MAESTRO (.m)"
        raise InputError("no such file", Place(str(path)), hint) from None
    except UnicodeDecodeError:
        raise InputError(f"this is no {what} file of MAESTRO: it is not text", Place(str(path))) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the file: {reason}", Place(str(path))) from None


def chosen(subject: Subject, names: Sequence[str]) -> Subject:
    """Only the layers with these names."""
    found = subject.translation
    known = [layer.name for layer in found.network.layers]
    faults = [
        Fault(f"there is no layer {name!r}", Place("--layer"), did_you_mean(name, known))
        for name in names
        if name not in known
    ]
    if faults:
        raise InputError(faults)
    kept = [at for at, name in enumerate(known) if name in names]
    network = replace(found.network, layers=tuple(found.network.layers[at] for at in kept))
    translation = replace(found, network=network, counts=tuple(found.counts[at] for at in kept), left_out=())
    return replace(subject, translation=translation)


def warn_refused(refused: Mapping[str, InputError], *, priced: bool) -> None:
    """Say which engines cannot price the layers; raises the first of the errors where none can."""
    for engine, error in refused.items():
        if not priced:
            raise error
        warnings.warn(f"the {engine} engine cannot price this: {error}", stacklevel=2)


# ------------------------------------------------------------------------------------------------------------ machine


def read_machine(file: Path | None, sets: Sequence[str], *, swept: bool) -> Hardware:
    """The machine of a hardware file, or MAESTRO's sample accelerator, with changes `NAME=VALUE`. Raises InputError.

    In a sweep the buffers of the sample accelerator, which are too small for nearly everything, limit nothing.
    """
    from archloom.interop import maestro

    if file is not None:
        machine = maestro.parse_hardware(read_text(file, "hardware"), str(file))
    else:
        sizes = {"l1_size": LARGEST, "l2_size": LARGEST} if swept else {}
        machine = maestro.Hardware(**{**SAMPLE, **sizes})
        if not sets:
            note("no hardware file: MAESTRO's sample accelerator of 256 PEs is taken (--hw FILE, or --set pes=64)")
    changes: dict[str, int] = {}
    faults: list[Fault] = []
    for text in sets:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            key = machine_key(name if equals else text, "--set")
            changes[MACHINE_KEYS[key][0]] = whole(value, key, "--set")
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return replace(machine, **changes)


def machine_key(name: str, option: str) -> str:
    for key, words in MACHINE_KEYS.items():
        if name in (key, *words):
            return key
    hint = did_you_mean(name, MACHINE_KEYS)
    raise InputError(f"a machine has no {name!r}", Place(option), hint)


def whole(text: str, key: str, option: str) -> int:
    """A whole number that fits the 32 bits of MAESTRO; 1k is 1,000 and 1Ki is 1,024."""
    match = re.fullmatch(r"(\d{1,12})(k|Ki|M|Mi)?", text)
    factor = {None: 1, "k": 1000, "Ki": 1024, "M": 10**6, "Mi": 2**20}
    value = int(match[1]) * factor[match[2]] if match else -1
    least = 0 if key == "noc_latency" else 1
    if not least <= value <= LARGEST:
        hint = f"expected a whole number from {least} to {LARGEST}"
        raise InputError(f"{text!r} is no value for {key}", Place(option), hint)
    return value


# -------------------------------------------------------------------------------------------------------------- sweep


def read_sweep(texts: Sequence[str]) -> dict[str, list[int]]:
    """The axes: `pes=16:1024:16` (from, to, step, both ends), `pes=16:1024:x2` (times), or `pes=16,32,64`. Raises InputError."""
    axes: dict[str, list[int]] = {}
    faults: list[Fault] = []
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        try:
            key = machine_key(name if equals else text, "--sweep")
            if key in axes:
                raise InputError(f"{key} is swept twice", Place("--sweep"), "give each axis once")
            axes[key] = list(values_of(values, key))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return axes


def values_of(text: str, key: str) -> Iterable[int]:
    parts = text.split(":")
    if len(parts) == 1:
        return sorted({whole(part.strip(), key, "--sweep") for part in text.split(",")})
    if len(parts) > 3:
        raise InputError(f"{text!r} is no range", Place("--sweep"), f"expected such as {key}=16:1024:16")
    start, stop = whole(parts[0].strip(), key, "--sweep"), whole(parts[1].strip(), key, "--sweep")
    step = parts[2].strip() if len(parts) == 3 else "1"
    times = step.startswith("x")
    by = whole(step.removeprefix("x"), "the step", "--sweep")
    if stop < start or (times and (by < 2 or not start)):
        hint = f"expected such as {key}=16:1024:16, or {key}=16:1024:x2 for powers"
        raise InputError(
            f"{text!r} is an empty range" if stop < start else f"{text!r} goes nowhere", Place("--sweep"), hint
        )
    count = 1 + (round(math.log(stop / start, by)) if times else (stop - start) // by)
    if count > MOST_VALUES:
        raise InputError(f"{text!r} has {count:,} values", Place("--sweep"), f"at most {MOST_VALUES:,} on an axis")
    return [value for at in range(count + 1) if (value := start * by**at if times else start + by * at) <= stop]


def read_budgets(texts: Sequence[str]) -> dict[str, float]:
    """The budgets: `area=16mm2`, `power=450mW`, as um2 and mW. Raises InputError."""
    budgets: dict[str, float] = {}
    faults: list[Fault] = []
    for text in texts:
        name, _, amount = (part.strip() for part in text.partition("="))
        if name not in BUDGETS:
            faults.append(Fault(f"there is no budget for {name!r}", Place("--budget"), did_you_mean(name, BUDGETS)))
            continue
        match = AMOUNT.fullmatch(amount)
        factor = BUDGETS[name].get(match[2]) if match else None
        number = number_of(match[1]) if match else None
        if factor is None or number is None or not 0 < number < math.inf:
            units = " or ".join(list(BUDGETS[name])[:2])
            faults.append(Fault(f"{amount!r} is no {name}", Place("--budget"), f"expected a number with {units}"))
        elif name in budgets:
            faults.append(Fault(f"the budget of the {name} is given twice", Place("--budget")))
        else:
            budgets[name] = number * factor
    if faults:
        raise InputError(faults)
    return budgets


def number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
