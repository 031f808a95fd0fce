"""What the four v0.4 designs cost by their stored tables and by archloom, side by side, as a table for the documentation.

Run `python -m tests.interop.timeloop.designs_table` to write the table into docs/accelergy.md. The stored figures are in
tests/data/v04_designs.csv; the column of the recipes needs the designs themselves.
"""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from archloom.errors import InputError
from archloom.interop.accelergy import library_price
from archloom.interop.timeloop import TimeloopWarning, load
from archloom.technology import library
from archloom.technology.component import Price

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "accelergy.md"
REFERENCE = ROOT.parent / "shared" / "reference" / "timeloop" / "designs_v04"
DESIGNS = ("eyeriss_like", "simba_like", "simple_output_stationary", "simple_weight_stationary")
BEGIN, END = "<!-- the table of the designs begins -->\n", "<!-- the table of the designs ends -->\n"
HEAD = (
    "| design | component | what | stored | recipes | ratio | classes | ratio | sources | why |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)
COLUMNS = {"read": "read, pJ", "write": "write, pJ", "compute": "compute, pJ", "leak": "leak, pJ", "area": "area, um²"}
"""What is compared, and how the table calls it; updates cost what writes do, in all of them."""

ATTRIBUTES = ("type", "technology", "width", "depth", "multiplier_width", "adder_width")
Fact = Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """One figure of one component: stored, by the design's recipes (None: none, or the designs are not at hand), by the library's class.

    `low` and `high` span what the library's sources say (energies only).
    """

    design: str
    component: str
    what: str
    stored: float
    recipes: float | None
    classes: float | None
    low: float | None
    high: float | None
    why: str

    def text(self) -> str:
        cells = [
            *(self.design, self.component, COLUMNS[self.what], f"{self.stored:.4g}"),
            *(_shown(self.recipes), _ratio(self.recipes, self.stored)),
            *(_shown(self.classes), _ratio(self.classes, self.stored)),
            *(self.span(), self.why),
        ]
        return f"| {' | '.join(cells)} |\n"

    def span(self) -> str:
        """The lowest and the highest figure of the sources."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:.3g}" if self.low == self.high else f"{self.low:.3g} to {self.high:.3g}"


def facts() -> list[dict[str, str]]:
    """The components of the designs with what their stored tables say."""
    path = ROOT / "tests" / "data" / "v04_designs.csv"
    return list(csv.DictReader(line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")))


def attributes_of(fact: Fact) -> dict[str, str | float]:
    """A component's attributes, as the design gives them."""
    return {
        name: fact[name] if name in ("type", "technology") else float(fact[name]) for name in ATTRIBUTES if fact[name]
    }


def lines(*, with_recipes: bool) -> list[Line]:
    """Every different line of the table; of components that two designs share, the first."""
    found: dict[tuple[object, ...], Line] = {}
    for fact in facts():
        recipes = _by_recipes(fact["design"]).get(fact["component"]) if with_recipes else None
        for line in _lines_of(fact, recipes):
            key = (fact["class"], *attributes_of(fact).items(), line.what, line.stored)
            found.setdefault(key, line)
    return list(found.values())


def _lines_of(fact: Fact, recipes: Price | None) -> Iterator[Line]:
    classes = library_price(fact["class"], attributes_of(fact))
    name = fact["design"].replace("simple_output_stationary", "simple_*").replace("_like", "")
    component = fact["component"].replace("weight_reg", "*_reg")
    for what in COLUMNS:
        stored = fact["area_um2" if what == "area" else f"{what}_pj"]
        if stored:
            low, high = (None, None) if what in ("leak", "area") else spread(fact, what)
            figures = _figure(recipes, what), _figure(classes, what)
            yield Line(name, component, what, float(stored), *figures, low, high, why(fact, what))


def _figure(price: Price | None, what: str) -> float | None:
    """One figure of a price; leakage in pJ per cycle of 1 ns, which is mW."""
    figure = None
    if price is not None:
        figure = price.area if what == "area" else price.leakage if what == "leak" else price.energy[what]
    return None if figure is None else float(figure.value)


_LOADED: dict[str, dict[str, Price]] = {}


def _by_recipes(design: str) -> dict[str, Price]:
    """The prices of a design as it was given to Accelergy, without its ERT: by the compound components in it."""
    if design not in _LOADED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TimeloopWarning)
            given = load(REFERENCE / design / "parsed-processed-input.yaml")
        _LOADED[design] = dict(given.prices)
    return _LOADED[design]


def spread(fact: Fact, action: str) -> tuple[float, float]:
    """What the library's sources say of a component, the lowest and the highest."""
    given = attributes_of(fact)
    node = float(str(given.get("technology", "45nm")).removesuffix("nm"))
    if fact["class"] == "DRAM":
        found = list(_by_source("dram", action, type=given["type"], width_bits=given["width"]))
    elif fact["class"] == "intmac":
        asked = {"bits": given["multiplier_width"], "accumulator_bits": given["adder_width"], "node_nm": node}
        found = list(_by_source("int_mac", "compute", **asked))
    elif fact["class"] == "smartbuffer_SRAM":
        size = float(given["width"]) * float(given["depth"])
        asked = {"size_bits": size, "width_bits": given["width"], "node_nm": node}
        cells = next(known.choices for known in library.find("sram").attributes if known.name == "cell")
        found = [float(library.price("sram", cell=cell, **asked).energy[action].value) for cell in cells]
        # the interpolation between points of CACTI's sweep is within 25 % for nine points of ten
        found = [min(found) / 1.25, max(found) * 1.25]
    else:
        bits = float(library.price("register", width_bits=given["width"], node_nm=node).energy["read"].value)
        words = max(64.0, float(given["depth"])) if fact["class"] != "aladdin_register" else 0.0
        tags = words * float(library.price("comparator", bits=32, node_nm=node).energy["compute"].value)
        address = max(1, math.ceil(math.log2(float(given["depth"])))) if words else 0
        steps = (
            [float(library.price("int_add", bits=address, node_nm=node).energy["compute"].value)] if words else [0.0]
        )
        found = [0.0 if action == "write" else bits, bits + tags + sum(steps)]
    return min(found), max(found)


def _by_source(name: str, action: str, **asked: object) -> Iterator[float]:
    choices = next(known.choices for known in library.find(name).attributes if known.name == "source")
    for source in choices:
        try:
            yield float(library.price(name, source=source, **asked).energy[action].value)
        except InputError:
            continue  # not every source has every type and width


WHY = {
    "DRAM": {"leak": "h", "area": "h"},
    "intmac": {"compute": "a", "leak": "a, i", "area": "a"},
    "aladdin_register": {"read": "c", "write": "b", "leak": "k", "area": "c"},
    "smartbuffer_SRAM": {"leak": "j"},
    "smartbuffer_RF": {"leak": "k", "area": "l"},
}
"""The letter of the explanation in the document, by class and figure."""


def why(fact: Fact, what: str) -> str:
    """What makes the difference between the stored table and ours."""
    known = WHY[fact["class"]].get(what)
    if known is not None:
        return known
    if fact["class"] == "DRAM":
        return "equal"
    if fact["class"] == "smartbuffer_SRAM":
        return "d" if float(fact["depth"]) > 1000 else "e"
    return "f, g" if float(fact["depth"]) == 1 else "f"


def table(*, with_recipes: bool = True) -> str:
    """The table as Markdown."""
    return HEAD + "".join(line.text() for line in lines(with_recipes=with_recipes))


def written() -> list[list[str]]:
    """The cells of the table that stands in the documentation."""
    text = DOCUMENT.read_text("utf-8")
    body = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    return [
        [cell.strip() for cell in row.strip().strip("|").split("|")] for row in body.splitlines()[2:] if row.strip()
    ]


def write() -> None:
    """Put the table into the documentation."""
    text = DOCUMENT.read_text("utf-8")
    before, rest = text.split(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.split(END)[1], "utf-8")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _ratio(ours: float | None, stored: float) -> str:
    return "" if ours is None or not stored else f"{ours / stored:.2f}"


if __name__ == "__main__":
    write()
    print(table())
