"""The machine as MAESTRO sees it: from its command line's options, or from a hardware file that overrides them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archloom.errors import Fault, InputError, did_you_mean
from archloom.interop.maestro.parse import LARGEST, PARSE_ERROR
from archloom.interop.maestro.tokens import words_of

__all__ = ["Hardware", "hardware_from_options", "parse_hardware"]

FILE_KEYS = ("num_pes", "l1_size_cstr", "l2_size_cstr", "noc_bw_cstr", "offchip_bw_cstr", "NoC_NumHops")
OPTIONS = {
    "num_pes": 7,
    "num_simd_lanes": 1,
    "noc_bw_cstr": LARGEST,
    "noc_hops": 1,
    "noc_hop_latency": 0,
    "offchip_bw_cstr": 70000,
    "l1_size_cstr": LARGEST,
    "l2_size_cstr": LARGEST,
}
"""MAESTRO's options that change its numbers or its warnings, with its defaults."""

PRINTING = ("print_res", "print_res_csv_file", "print_log_file")
"""Options that only choose what MAESTRO prints."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Bandwidths in elements per cycle, latency of every network in cycles, sizes in elements.

    The sizes change no number of MAESTRO's: it compares them with what a mapping needs.
    """

    num_pes: int = 1
    simd_lanes: int = 1
    noc_bandwidth: int = LARGEST
    noc_latency: int = 1
    offchip_bandwidth: int = LARGEST
    l1_size: int = LARGEST
    l2_size: int = LARGEST


def parse_hardware(text: str, source: str = "<hardware>", *, simd_lanes: int = 1) -> Hardware:
    """Read a hardware file, a sequence of `key: value`; what it leaves out falls back to 1 PE and no limits.

    The lanes of a PE cannot be written there. Raises InputError with every fault, at file:line:column.
    """
    words = words_of(text, source)
    faults: list[Fault] = []
    given: dict[str, int] = {}
    pairs = iter(words[:-1])
    for key in pairs:
        if key.text not in FILE_KEYS:
            faults.append(
                Fault(f"unknown key: {key.shown}", key.place, f"{did_you_mean(key.text, FILE_KEYS)}; {PARSE_ERROR}")
            )
            next(pairs, None)
            continue
        value = next(pairs, words[-1])
        least = 0 if key.text == "NoC_NumHops" else 1
        if not (value.text.isascii() and value.text.isdigit() and len(value.text) < 12):
            faults.append(
                Fault(f"expected a whole number for {key.text}, found {value.shown}", value.place, PARSE_ERROR)
            )
        elif not least <= int(value.text) <= LARGEST:
            message = f"{key.text} is {value.text}, expected {least} to {LARGEST}"
            faults.append(Fault(message, value.place, "MAESTRO computes nonsense or dies of it (SIGFPE)"))
        else:
            given[key.text] = int(value.text)
    if faults:
        raise InputError(faults)
    return Hardware(
        num_pes=given.get("num_pes", 1),
        simd_lanes=simd_lanes,
        noc_bandwidth=given.get("noc_bw_cstr", LARGEST),
        noc_latency=given.get("NoC_NumHops", 1),
        offchip_bandwidth=given.get("offchip_bw_cstr", LARGEST),
        l1_size=given.get("l1_size_cstr", LARGEST),
        l2_size=given.get("l2_size_cstr", LARGEST),
    )


def hardware_from_options(hw_text: str | None, source: str, options: dict[str, Any]) -> Hardware:
    """Return the machine of a run: a hardware file overrides every option but the lanes.

    Names of options may be shortened as on MAESTRO's command line (`noc_bw`). Raises InputError.
    """
    chosen = dict(OPTIONS)
    for name, value in options.items():
        matches = [option for option in OPTIONS if option.startswith(name)]
        if name in PRINTING:
            continue
        full = name if name in OPTIONS else matches[0] if len(matches) == 1 else None
        if full is None:
            raise InputError(f"unknown option of MAESTRO: {name!r}", hint=did_you_mean(name, OPTIONS))
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
            value = int(value)
        least = 0 if full in ("noc_hops", "noc_hop_latency") else 1
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
            raise InputError(f"{full} is {value!r}, expected a whole number from {least} to {LARGEST}")
        chosen[full] = value
    if hw_text is not None:
        return parse_hardware(hw_text, source, simd_lanes=chosen["num_simd_lanes"])
    return Hardware(
        num_pes=chosen["num_pes"],
        simd_lanes=chosen["num_simd_lanes"],
        noc_bandwidth=chosen["noc_bw_cstr"],
        noc_latency=chosen["noc_hops"] * chosen["noc_hop_latency"],
        offchip_bandwidth=chosen["offchip_bw_cstr"],
        l1_size=chosen["l1_size_cstr"],
        l2_size=chosen["l2_size_cstr"],
    )
