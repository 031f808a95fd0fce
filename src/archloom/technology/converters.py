"""Converters: ADCs by the regression over the published survey, DACs as arrays of capacitors."""

from __future__ import annotations

from typing import Any

import numpy as np

from archloom.technology.component import Attribute, Component, Figure, Price
from archloom.technology.scaling import NODE, VOLTAGE, node_warnings, nominal_voltage

__all__ = ["COMPONENTS", "adc_area", "adc_energy"]

ADC_SOURCE = "ADC regression of the Accelergy ADC plug-in over Murmann's survey (Andrulis et al.)"
NODE_EXPONENT = 1.8800369206815
ENOB_EXPONENT = -2.82912560505947
"""Both bounds share these two: energy goes by node**1.88 / enob**2.83, times an exponential of enob."""
LOW = (-2.280915416215244, 0.28000884023020867)
"""Bound at low rates, of log10 pJ: constant, per bit."""
HIGH = (-10.82829941570825, 2 * 0.3010299956639812, 0.661280112832005)
"""Bound at high rates, of log10 pJ: constant, per bit (a factor of four), per log10 Hz."""
AREA = (0.5846436025695979, 0.9932794744745019, 0.1807153842450827, 0.2991242619265353)
"""Of log10 um2: constant, per log10 nm, per log10 Hz, per log10 pJ."""
STATIC = 0.2
"""Share of an ADC's power at full rate that leaks."""

UNIT_FARAD = 1.0
"""Smallest capacitor of a DAC, fF: about what matching allows (estimate)."""
DAC_SOURCE = "estimate: binary-weighted capacitors of 1 fF, 2^bits C V^2 per conversion"

ENOB = Attribute("enob", "bit", None, 4, 14, about="effective number of bits; the survey's regression begins at 4")
RATE = Attribute("rate_hz", "Hz", None, 1e3, 1e11, about="conversions per second of all `count` converters together")
COUNT = Attribute("count", "", 1, 1, 2**20, whole=True, about="converters that share the rate")
LEAKAGE = Attribute(
    "leakage", "", "in_convert", choices=("in_convert", "apart"),
    about="in_convert: a conversion's energy holds its share of leakage (a converter always busy); apart: 20 % of it is leakage",
)  # fmt: skip


def adc_energy(enob: Any, rate_hz: Any, node_nm: Any) -> Any:
    """Return the energy (pJ) of one conversion at `rate_hz` per converter, leakage included: the higher of two bounds.

    Reproduces the plug-in's figures to printed precision.

    >>> round(float(adc_energy(8, 1e9, 32)), 3)
    1.714
    """
    shared = ENOB_EXPONENT * np.log10(enob) + NODE_EXPONENT * np.log10(node_nm)
    low = LOW[0] + LOW[1] * np.asarray(enob)
    high = HIGH[0] + HIGH[1] * np.asarray(enob) + HIGH[2] * np.log10(rate_hz)
    return 10.0 ** (np.maximum(low, high) + shared)


def adc_area(energy_pj: Any, rate_hz: Any, node_nm: Any) -> Any:
    """Return the area (um2) of one converter that spends `energy_pj` per conversion at `rate_hz`."""
    logs = AREA[1] * np.log10(node_nm) + AREA[2] * np.log10(rate_hz) + AREA[3] * np.log10(energy_pj)
    return 10.0 ** (AREA[0] + logs)


def _adc(*, enob: Any, rate_hz: Any, node_nm: Any, count: Any, leakage: str) -> Price:
    each = np.divide(rate_hz, count)
    energy = adc_energy(enob, each, node_nm)
    area = adc_area(energy, each, node_nm) * count
    apart = leakage == "apart"
    note = "leakage apart" if apart else "leakage included, as of a converter always busy"

    def figure(value: Any, unit: str, more: str = "") -> Figure:
        return Figure(value, unit, ADC_SOURCE, "modelled", None, more)

    leaks = figure(energy * rate_hz * STATIC * 1e-9, "mW", "20 % of the power at full rate") if apart else None
    convert = figure(energy * (1 - STATIC) if apart else energy, "pJ", note)
    return Price("adc", {}, {"convert": convert}, figure(area, "um2"), leaks, _beyond(enob, each, node_nm))


def _beyond(enob: Any, rate_hz: Any, node_nm: Any) -> tuple[str, ...]:
    found = []
    if np.any(np.less(node_nm, 7) | np.greater(node_nm, 130)):
        found.append("adc: the regression is known from 130 to 7 nm: other nodes are extrapolated")
    if np.any(np.greater(enob, 12)):
        found.append("adc: the regression is known from 4 to 12 bits: more is extrapolated")
    if np.any(np.less(rate_hz, 1e6) | np.greater(rate_hz, 5e9)):
        found.append("adc: the regression is known from 1 MHz to 5 GHz per converter: other rates are extrapolated")
    return tuple(found)


def _dac(*, bits: Any, node_nm: Any, voltage_v: Any, count: Any) -> Price:
    volts = np.where(np.isnan(voltage_v), nominal_voltage(node_nm), voltage_v)
    energy = 2.0 ** np.asarray(bits) * UNIT_FARAD * 1e-3 * volts**2 * count
    figure = Figure(energy, "pJ", DAC_SOURCE, "estimated", None, "drivers and reference not included")
    warnings = (*node_warnings(node_nm), "dac: an estimate without a published source; no area or leakage is charged")
    return Price("dac", {}, {"convert": figure}, warnings=warnings)


BITS = Attribute("bits", "bit", None, 1, 14, whole=True, about="resolution")

COMPONENTS = (
    Component(
        "adc", "analog-to-digital converter", (ENOB, RATE, NODE, COUNT, LEAKAGE), _adc, ("sar_adc",), (ADC_SOURCE,)
    ),
    Component("dac", "digital-to-analog converter", (BITS, NODE, VOLTAGE, COUNT), _dac, (), (DAC_SOURCE,)),
)
