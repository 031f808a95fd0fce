"""The report of a study, on a page and in a terminal: what it says of any study, however odd, and that nothing of a name runs."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from tests.report.test_mapping_html_browser import POLICY, browser
from tests.report.test_mapping_html_browser import show as show_page

from archloom.errors import InputError
from archloom.exploration.explore import explore, manifest_of
from archloom.exploration.metrics import ALIASES, METRICS
from archloom.exploration.space_file import load_space
from archloom.exploration.store import Store
from archloom.exploration.study import GOAL, Study, open_study
from archloom.exploration.verdicts import LayerRecord, records_text
from archloom.report.study_axes import axis_of
from archloom.report.study_charts import Dot, Side, draw_front
from archloom.report.study_drawings import curve_of
from archloom.report.study_figures import StudyFigures, value_text
from archloom.report.study_html import render
from archloom.report.study_quantities import MARKS, Quantity, gain_of, gain_text, number_text
from archloom.report.study_race import race_names, race_rows
from archloom.report.study_sensitivity import profiles_of, sensitivity_of
from archloom.report.study_tables import best_table, miss_rows, network_table, parameter_rows
from archloom.report.study_terminal import show, show_race

MACHINE = """\
architecture:
  name: two_levels
  clock: 1 GHz
  variables: {lanes: 2}
  levels:
    - {name: DRAM, energy: 200 pJ, shared_bandwidth: 4 words/cycle}
    - {name: GLB, size: 3 KiB, energy: {read: 6 pJ, write: 7 pJ}, area: 0.1 mm2, fanout: {x: lanes, y: 2}}
    - {name: RF, size: 64 words, energy: 1 pJ, area: 500 um2}
  compute: {name: MAC, energy: 0.5 pJ, area: 1000 um2}
"""
GIVEN = """\
mapping:
  levels:
    - {level: DRAM, temporal: M2 K4}
    - {level: GLB, temporal: M2, x: N2}
    - {level: RF, temporal: N2}
"""
LAYERS = {"one": {"M": 8, "N": 4, "K": 8}, "two <b>&": {"M": 4, "N": 4, "K": 4}}
PARAMETERS = {
    "levels.GLB.size": {"log2": ["1 KiB", "4 KiB"]},
    "levels.RF.size": ["1 words", "32 words"],
    "lanes": [1, 2, 4],
    "levels.DRAM.energy": ["200 pJ", "100 pJ"],
}
HOSTILE = "<script>document.title='broken'</script> & \x1b[31m\"it\""


def space(**changes: Any) -> dict[str, Any]:
    networks = [{"workload": {"name": name, "gemm": sizes}} for name, sizes in LAYERS.items()]
    section = {"name": HOSTILE, "networks": networks, "architecture": "machine.yaml", "parameters": PARAMETERS}
    return section | {"objectives": ["energy", {"maximise": "throughput"}], "budget": {"area_mm2": 0.1095}} | changes


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Studies of a tiny machine: two networks, two objectives and a budget; one parameter; and another strategy on the first space."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "machine.yaml").write_text(MACHINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHLOOM_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        explore(None, space(), folder=folder / "both")
        explore(None, space(), folder=folder / "drawn", strategy="random", evaluations=9, seed=3)
        one = space(name="one", networks={"workload": {"name": "g", "gemm": {"M": 4, "N": 4, "K": 4}}})
        one |= {"parameters": {"levels.GLB.size": ["1 KiB", "2 KiB", "3 KiB"]}, "objectives": ["edp"], "budget": {}}
        explore(None, one, folder=folder / "one")
        (folder / "given.yaml").write_text(GIVEN)
        explore(None, one | {"name": "given", "mapping": {"given": "given.yaml"}}, folder=folder / "given")
    return {name: folder / name for name in ("both", "drawn", "one", "given")}


@pytest.fixture
def changed(studies: dict[str, Path], tmp_path: Path) -> Callable[..., Study]:
    """A copy of a study with other rows, or without some files."""

    def change(name: str, *columns: pl.Expr, without: tuple[str, ...] = (), rows: int = 10**6) -> Study:
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(studies[name], folder)
        for left_out in without:
            for path in folder.glob(left_out):
                path.unlink()
        for path in sorted((folder / "shards").iterdir()):
            pl.read_parquet(path).with_columns(*columns).head(rows).write_parquet(path)
        return open_study(folder)

    return change


def printed(study: Study, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    show(study, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


# ------------------------------------------------------------------------------------------------------------- numbers


def test_quantities_are_written_with_fitting_units() -> None:
    assert Quantity("", "", "energy_uj").write(57.5) == "57.5 µJ"
    assert Quantity("", "", "edp").write(4.28e12) == "4.28 J·cycles"
    assert Quantity("", "", "latency_s").write(1.49e-4) == "149 µs"
    assert Quantity("", "", "power_mw").write(1234.0) == "1.23 W"
    assert Quantity("", "", "cycles").write(74499.2) == "74,499"
    assert Quantity("", "", "utilization").write(0.25) == "25.0 %"
    assert Quantity("", "").write(-0.31) == "-0.310"
    assert Quantity("", "").write(float("nan")) == "–"
    assert Quantity("", "", "energy_pj").scale([2e6, 3e7])[1] == "µJ"
    assert Quantity("", "energy", "energy_pj").titled("µJ") == "energy, µJ"
    assert Quantity("", "area_mm2", "area_mm2").titled("mm²") == "area_mm2"


def test_gains_know_which_way_is_better() -> None:
    energy, rate, neither = Quantity("", ""), Quantity("", "", least=False), Quantity("", "", least=None)
    assert gain_of(energy, (2.0, 1.0)) == ("2.00× better", "good")
    assert gain_of(rate, (2.0, 1.0)) == ("2.00× worse", "bad")
    assert gain_of(energy, (100.0, 103.2)) == ("3.2 % worse", "bad")
    assert gain_of(energy, (1.0, 1.0)) == ("the same", "")
    assert gain_of(neither, (2.0, 1.0)) == ("", "")
    assert gain_of(energy, (None, 1.0)) == ("", "")
    assert gain_of(energy, (1.0, -0.31)) == ("1.31 lower", "good")
    assert gain_of(energy, (7e-5, 0.524)) == ("0.524 higher", "bad")  # a ratio says nothing of a loss near 0
    assert gain_of(MARKS[2], (1e6, 1e2)) == ("10.0k× better", "good")
    assert gain_of(rate, (-1.0, -2.0)) == ("1.00 lower", "bad")
    assert gain_text(1 / 1.2) == "20 % worse"


def test_values_are_written_as_in_the_file() -> None:
    assert value_text(8192.0, {8192.0: "1 KiB"}) == "1 KiB"
    assert (value_text(3.0), value_text(0.5), value_text("LPDDR4")) == ("3", "0.5", "LPDDR4")
    assert (value_text(None), value_text(float("nan"))) == ("–", "–")
    assert number_text(-0.5) == "-0.500"


@pytest.mark.parametrize(
    "values", [[1.0], [0.0], [-27.9, -20.0], [1e-9, 1e9], [266_400.0, 268_100.0], [1.0, 7.0], [float("nan")], []]
)
def test_axes_have_marks_that_differ(values: list[float]) -> None:
    axis = axis_of(values, 100.0, 0.0)
    marks = axis.marks()
    assert len(marks) > 1
    assert len({words for _, words in marks}) == len(marks)
    assert all(-1e-6 <= axis(value) <= 100 + 1e-6 for value, _ in marks)


def test_stairs_go_along_the_front() -> None:
    """With more of one figure being better, nothing lies above and left of the stairs."""
    dots = [Dot(1.0, 5.0, "front", ""), Dot(2.0, 9.0, "front", ""), Dot(2.0, 3.0, "judged", "")]
    drawn = draw_front(dots, Side("a"), Side("b", least=False))
    path = re.search(r'd="M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)"', drawn)
    assert path is not None
    x0, y0, x1, y1 = map(float, path.groups())
    assert x0 < x1
    assert y0 > y1  # upwards on the page


def test_what_is_far_over_budget_does_not_stretch_the_axes() -> None:
    inside = [Dot(10.0 + k, 20.0 - k, "judged", "in") for k in range(5)]
    drawn = draw_front([*inside, Dot(13.0, 18.0, "over", "near"), Dot(1e6, 18.0, "over", "far")], Side("a"), Side("b"))
    assert "near" in drawn
    assert "far" not in drawn


# --------------------------------------------------------------------------------------------------------- what is said


def test_the_best_design_stands_beside_the_baseline(studies: dict[str, Path]) -> None:
    figures = StudyFigures(open_study(studies["both"]))
    best = figures.study.best()
    assert best is not None
    assert figures.best is not None
    assert figures.number(figures.best) == best["design"]
    assert [(aim.name, aim.metric, aim.least) for aim in figures.objectives] == [
        ("energy", "energy_pj", True),
        ("throughput", "throughput", False),
    ]
    table = best_table(figures)
    assert table.heads == ["baseline", f"design {best['design']}"]
    energy = next(row for row in table.rows if row.name == "energy")
    base = figures.study.get("baseline")["energy_pj"]
    assert energy.aim
    assert energy.gains[0].text == gain_text(base / best["energy_pj"])
    (_, glb, _, _), *_ = parameter_rows(figures)
    assert glb == "3 KiB"  # the baseline is no design of the space: its values are those of its file
    assert {name: now for name, _, now, _ in parameter_rows(figures)} == figures.values(figures.best)


def test_the_gain_of_the_mapping_stands_beside_that_of_the_hardware(studies: dict[str, Path]) -> None:
    study = open_study(studies["given"])
    table = best_table(StudyFigures(study))
    assert table.heads[:2] == ["baseline as given", "baseline, best mapping"]
    assert table.gain_heads == ["mapping", "hardware", "gain"]
    row = next(row for row in table.rows if row.name == "EDP")
    case = study.get("gains")["figures"]
    assert row.gains[0].text == gain_text(case["given"]["edp"] / case["baseline"]["edp"])
    assert row.gains[2].text == gain_text(case["given"]["edp"] / case["winner"]["edp"])
    assert "Beside the baseline as given, edp is" in plain(render(study))


def test_networks_are_told_apart(studies: dict[str, Path]) -> None:
    figures = StudyFigures(open_study(studies["both"]))
    rows = network_table(figures)
    assert [row.name for row in rows] == list(LAYERS)
    best = figures.study.best()
    assert best is not None
    assert [row.cells[3] for row in rows] == [f"{best[f'cycles@{name}']:,.0f}" for name in LAYERS]
    assert network_table(StudyFigures(open_study(studies["one"]))) == []


def test_sensitivity_is_that_of_the_rows(studies: dict[str, Path]) -> None:
    figures = StudyFigures(open_study(studies["both"]))
    frame = figures.frame.filter("feasible")
    profiles = {profile.name: profile for profile in profiles_of(figures)}
    assert set(profiles) == set(PARAMETERS)
    factor, _ = figures.objectives[0].scale(figures.shown(figures.objectives[0])[figures.feasible])
    for value, least in zip((1, 2, 4), profiles["lanes"].least, strict=True):
        some = frame.filter(pl.col("p:lanes") == value)["objective:energy"]
        assert np.isnan(least) if some.is_empty() else least == pytest.approx(float(some.to_numpy().min()) * factor)
    spreads = [profile.spread for profile in profiles.values()]
    assert spreads == sorted(spreads, reverse=True)
    row = sensitivity_of(profiles["levels.DRAM.energy"], figures.objectives[0])
    assert (row.best, row.value) == ("100 pJ", "200 pJ")


def test_more_may_be_better(studies: dict[str, Path]) -> None:
    """Sensitivity and convergence of an objective that is maximised."""
    figures = StudyFigures(open_study(studies["both"]))
    quantity = figures.objectives[1]
    curve = curve_of(figures, quantity, "grid", 1.0)
    values = [value for _, value in curve.steps]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(figures.frame.filter("feasible")["throughput"].max())
    profile = replace(profiles_of(figures)[0], least=(16.0, 8.0, 15.0), alone=(16.0, 8.0, 15.0), chosen=0)
    profile = replace(profile, values=("a", "b", "c"), judged=(True, True, True), is_ordered=False)
    row = sensitivity_of(profile, quantity)
    assert (row.step, row.worst, row.value) == ("-6.2 %", "-50 %", "b")
    alone = replace(profile, alone=(16.0, float("nan"), float("nan")))
    assert sensitivity_of(alone, quantity).step == "over budget"
    assert sensitivity_of(replace(alone, judged=(True, False, False)), quantity).step == "not judged"


def test_the_page_says_it_all(studies: dict[str, Path]) -> None:
    study = open_study(studies["both"])
    page = render(study)
    best = study.best()
    assert best is not None
    words = plain(page)
    for piece in ("The best design beside the baseline", "The Pareto front", "How much each parameter matters"):
        assert piece in words
    assert "the least energy and the most throughput of one and two &lt;b&gt;&amp; (geometric mean)" in words
    assert f"{study.progress.designs - study.progress.feasible} over budget" in words
    assert "over budget: area_mm2 is over 0.1095" in words
    assert "bound by" in page
    assert "mapping of one:" in page
    assert "architecture:" in page
    front = study.front()
    assert len(re.findall(r'<td data-v="\d+">\d+</td>', page.split('id="front"')[1].split("</table>")[0])) >= len(front)


def test_a_terminal_of_80_columns_will_do(studies: dict[str, Path]) -> None:
    for name in studies:
        for width in (80, 110):
            text = printed(open_study(studies[name]), width)
            assert max(map(len, text.splitlines())) <= width
            assert "…" not in text
            assert "\x1b" not in text
    text = printed(open_study(studies["both"]))
    for piece in ("Best design: ", "Networks", "Pareto front: ", "Sensitivity", "over budget: area_mm2 is over 0.1095"):
        assert piece in text


def test_hostile_names_stay_words(studies: dict[str, Path]) -> None:
    page = render(open_study(studies["both"]))
    assert page.count("<script") == 1
    assert "<b>&" not in page.replace("<b>&lt;", "")
    assert "\x1b" not in page
    assert "script-src 'sha256-" in page
    assert not re.search(r'(src|href)="(?!#)', page)


@pytest.mark.skipif(browser() is None, reason="there is no chromium here (Debian: apt-get install chromium)")
def test_it_opens_in_a_browser_without_a_word_on_the_console(studies: dict[str, Path], tmp_path: Path) -> None:
    """With the policy of the page and without it: escaping alone has to do."""
    page = render(open_study(studies["both"]), [open_study(studies["drawn"])])
    for made in (page, POLICY.sub("", page)):
        shown, console = show_page(made, tmp_path)
        assert console == []
        assert "<title>broken" not in shown
        assert shown.count("<script") == 1
        assert "<button" in shown  # the script ran to its end: heads of tables can be clicked


# ------------------------------------------------------------------------------------------------------------ odd studies


def test_nothing_judged_yet(changed: Callable[..., Study]) -> None:
    study = changed("both", without=("shards/*", "*ed.json", "gains.json", "baseline.json"))
    page, text = plain(render(study)), printed(study)
    assert "No design has been judged yet." in page
    assert "0 designs judged" in text
    assert "no design has been judged yet" in text


def test_a_study_that_is_cut_off(changed: Callable[..., Study]) -> None:
    study = changed("both", without=("ended.json", "gains.json"), rows=3)
    assert "it has not come to its end; --resume goes on" in " ".join(printed(study).split())
    assert "Best design" in printed(study)
    render(study)


def test_a_study_that_is_running(changed: Callable[..., Study], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archloom.exploration.study.is_locked", lambda _: True)
    study = changed("both", without=("ended.json", "gains.json"), rows=3)
    assert "This study is still running: the page shows the 3 designs judged so far." in plain(render(study))
    assert "still running" in printed(study)


def test_all_over_budget(changed: Callable[..., Study]) -> None:
    excess = (0.5 + pl.col("design") % 7) / 10
    why = pl.format("over budget: area_mm2 is 3, over 2 by {} %", 100 * excess)
    study = changed("both", pl.lit(value=False).alias("feasible"), excess.alias("excess"), why.alias("reason"))
    figures = StudyFigures(study)
    assert figures.best is None
    assert figures.failures() == {"over budget: area_mm2 is over 2": study.progress.designs}
    rows = miss_rows(figures, 3)
    assert [number for number, _, _ in rows] == ["0", "7", "14"]
    page = plain(render(study))
    assert "No design is within budget." in page
    assert "The designs that miss their budgets by least" in page
    assert "the nearest, design 0" in printed(study)
    assert study.winner_yaml() is None


def test_failures_have_their_reasons(changed: Callable[..., Study]) -> None:
    failed = pl.col("design") == 1
    study = changed(
        "both",
        pl.when(failed).then(pl.lit("layer <x>: no mapping fits")).otherwise("reason").alias("reason"),
        pl.when(failed).then(float("inf")).otherwise("excess").alias("excess"),
        (pl.col("feasible") & ~failed).alias("feasible"),
    )
    assert "layer &lt;x&gt;: no mapping fits" in render(study)
    assert "1 without an answer" in plain(render(study))
    assert "layer <x>: no mapping fits" in printed(study)


def test_without_a_baseline(changed: Callable[..., Study]) -> None:
    study = changed("both", without=("gains.json",))
    (study.folder / "baseline.json").write_text("null")
    page, text = plain(render(study)), printed(study)
    assert "The baseline has no mapping to compare with." in page
    assert "The baseline has no mapping to compare with." in " ".join(text.split())
    assert best_table(StudyFigures(study)).gain_heads == []


def test_inputs_that_cannot_be_read_again(changed: Callable[..., Study]) -> None:
    """The rows alone have most of what there is to say."""
    study = changed("both")
    manifest = json.loads((study.folder / "manifest.json").read_text())
    manifest["inputs"]["texts"] = {}
    (study.folder / "manifest.json").write_text(json.dumps(manifest))
    study = open_study(study.folder)
    figures = StudyFigures(study)
    assert figures.request is None
    assert best_table(figures).rows
    assert "The Pareto front" in plain(render(study))
    assert "ready to use" not in render(study)
    printed(study)


def test_one_parameter_and_one_objective(studies: dict[str, Path]) -> None:
    study = open_study(studies["one"])
    figures = StudyFigures(study)
    assert [quantity.name for quantity in figures.plane] == ["latency", "energy"]
    assert parameter_rows(figures)[0][1] == "3 KiB"  # a design of the space
    words = plain(render(study))
    assert "Latency and energy of all designs" in words
    assert "no budget is given" in words


def test_a_loss_below_zero(changed: Callable[..., Study]) -> None:
    study = changed("one", (pl.col("objective:edp") * 0 - 0.3 + pl.col("design") / 10).alias("objective:edp"))
    figures = StudyFigures(study)
    assert (figures.objectives[0].metric, figures.best) == ("", 0)
    assert sensitivity_of(profiles_of(figures)[0], figures.objectives[0]).worst == "+0.200"
    assert "-0.300" in plain(render(study))
    printed(study)


# ---------------------------------------------------------------------------------------------------- several searches


def test_searches_side_by_side(studies: dict[str, Path]) -> None:
    both, drawn = open_study(studies["both"]), open_study(studies["drawn"])
    rows = race_rows(race_names([StudyFigures(both), StudyFigures(drawn)]))
    assert [(row.name, row.designs) for row in rows] == [("grid", both.progress.designs), ("random", 9)]
    page = render(both, [drawn])
    assert "How the searches went" in page
    assert "random" in plain(page)
    console = Console(file=io.StringIO(), width=80, color_system=None)
    show_race([both, drawn, drawn], console)
    assert isinstance(console.file, io.StringIO)
    assert "drawn: random" in console.file.getvalue() or "seed 3" in console.file.getvalue()


def test_searches_for_different_things_are_not_compared(studies: dict[str, Path]) -> None:
    with pytest.raises(
        InputError, match=r"does not search for what .*both does: parameters, objectives, budget, networks"
    ):
        render(open_study(studies["both"]), [open_study(studies["one"])])


def test_the_docs_name_all_figures() -> None:
    text = (Path(__file__).parents[2] / "docs" / "explore.md").read_text("utf-8")
    assert [name for name in (*METRICS, *ALIASES) if f"`{name}`" not in text] == []


# ------------------------------------------------------------------------------------------------------- many designs


def test_a_hundred_thousand_designs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page stays light, and is made in seconds."""
    (tmp_path / "machine.yaml").write_text(MACHINE)
    monkeypatch.chdir(tmp_path)
    more = {"levels.RF.size": {"range": ["1 words", "64 words", "1 words"]}, "lanes": {"range": [1, 64]}}
    sizes = {"levels.GLB.size": {"range": ["1 KiB", "64 KiB", "1 KiB"]}}
    request = load_space(space(parameters=PARAMETERS | more | sizes, objectives=["energy", "latency"]))
    rng, many = np.random.default_rng(0), 20_000
    record = LayerRecord("one", "DRAM | for m in 0:4\n" * 40, 1e6, 1000, "DRAM", proven=True)
    with Store(tmp_path / "large", manifest_of(request)) as store:
        for _ in range(5):
            designs = request.space.sample(rng, many)
            columns: dict[str, Any] = {f"p:{name}": at for name, at in request.space.columns(designs).items()}
            figures = {name: rng.random(many) for name in METRICS}
            figures |= {"energy_pj": 1e6 * np.exp(rng.normal(size=many)), "cycles": 1e4 * np.exp(rng.normal(size=many))}
            columns |= figures | {GOAL + "energy": figures["energy_pj"], GOAL + "latency": figures["cycles"]}
            columns |= {"feasible": rng.random(many) > 0.1, "excess": np.zeros(many), "proven": np.ones(many, bool)}
            columns |= {"reason": [""] * many, "mapping": [records_text([record])] * many}
            store.append({"position": request.space.flat(designs), **columns})
    began = time.process_time()
    page = render(open_study(tmp_path / "large"))
    assert time.process_time() - began < 20
    assert "100,000" in page
    assert len(page) < 2_000_000
    assert page.count("<circle") < 3000
    assert "of 100,000 designs are drawn, the front among them" in page
