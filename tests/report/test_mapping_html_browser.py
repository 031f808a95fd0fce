"""Pages in a real browser: no error on its console, nothing of a name runs, tables sort, links open the layer they lead to."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.report.conftest import CONV, NEST, ROWS
from tests.report.mapped_networks import large_network, mapped, network, small_network

from archloom.model.evaluate import evaluate
from archloom.model.result import Evaluation
from archloom.report.comparison import Case
from archloom.report.comparison_html import comparison_page
from archloom.report.html import evaluation_page
from archloom.report.mapping_html import mapping_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@cache
def browser() -> str | None:
    """A browser that starts, or None."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if done.returncode == 0 else None


@pytest.fixture(autouse=True)
def needs_browser() -> None:
    if browser() is None:
        pytest.skip("there is no chromium here (Debian: apt-get install chromium)")


def show(page: str, folder: Path, *arguments: str, fragment: str = "") -> tuple[str, list[str]]:
    """The page as it is after its script ran, and what was said on the console."""
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    path = browser()
    assert path is not None
    command = [path, *QUIET, f"--user-data-dir={folder / 'profile'}", *(arguments or ["--dump-dom"])]
    done = subprocess.run(
        [*command, file.as_uri() + fragment], capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
    )
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def with_script(page: str, script: str) -> str:
    """The page with a script of the test's own at its end, and without the policy that would not let it run."""
    return POLICY.sub("", page).replace("</body>", f"<script>{script}</script></body>")


def test_errors_would_be_seen(tmp_path: Path) -> None:
    """What the other tests look for is found where it is."""
    _, console = show(with_script(mapping_page(small_network()), "missing()"), tmp_path)
    assert any("missing is not defined" in line for line in console)
    _, console = show(mapping_page(small_network()).replace("</main>", "</main><script>1</script>"), tmp_path)
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize("kind", ["small", "large", "comparison", "evaluation"])
def test_pages_render_without_a_word_on_the_console(kind: str, tmp_path: Path, evaluation: Evaluation) -> None:
    page = {
        "small": lambda: mapping_page(small_network(), command="archloom map"),
        "large": lambda: mapping_page(large_network(30)),
        "comparison": lambda: comparison_page(
            [Case("a", small_network()), Case("b", small_network()), Case("c", None)]
        ),
        "evaluation": lambda: evaluation_page(evaluation),
    }[kind]()
    shown, console = show(page, tmp_path)
    assert console == []
    assert "</html>" in shown
    if kind != "evaluation":
        assert "<button" in shown  # the script ran to its end: heads of tables can be clicked


def test_nothing_of_a_name_runs(tmp_path: Path, hostile: Evaluation) -> None:
    """With the policy of the page and without it: escaping alone has to do."""
    name = "<script>document.title='broken'</script>"
    layers = [mapped(hostile), mapped(evaluate(CONV, ROWS, NEST), name, name + "2", count=2, gap=0.5)]
    page = mapping_page(replace(network(layers[:1], hostile.architecture, name), layers=(layers[0],)))
    other = mapping_page(network(layers[1:], ROWS, name))
    both = comparison_page([Case(name, network(layers[1:], ROWS, name)), Case("</script>" + name, None)])
    for made in (page, other, both):
        shown, console = show(POLICY.sub("", made), tmp_path)
        assert console == []
        assert "<title>broken" not in shown
        assert "<img" not in shown
        assert shown.count("<script") == 1


def test_tables_sort(tmp_path: Path) -> None:
    """Numbers from the largest down at first, names from A on; a second click turns them round."""
    clicked = (
        (0, ["conv1", "fc"], "ascending"),
        (0, ["fc", "conv1"], "descending"),
        (4, ["conv1", "fc"], "descending"),
        (4, ["fc", "conv1"], "ascending"),
        (11, ["fc", "conv1"], "descending"),
    )
    script = """
        const table = document.querySelector("#layers table"), said = [];
        for (const column of %s) {
          table.querySelectorAll("th button")[column].click();
          const names = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
          const heads = [...table.querySelectorAll("th[aria-sort]")].map((head) => head.getAttribute("aria-sort"));
          said.push(names.join(" ") + ": " + heads.join(" "));
        }
        document.body.dataset.said = said.join("; ");
    """
    shown, console = show(with_script(mapping_page(small_network()), script % [at for at, *_ in clicked]), tmp_path)
    assert console == []
    said = re.search(r'data-said="(.*?)"', shown)
    assert said is not None
    assert said[1].split("; ") == [f"{' '.join(names)}: {direction}" for _, names, direction in clicked]


def test_links_open_the_layer_they_lead_to(tmp_path: Path) -> None:
    page = mapping_page(small_network())
    opened = r'<details class="layer"( open="")?>\s*<summary><span><b>(.*?)</b>'
    shown, console = show(page, tmp_path)
    assert console == []
    assert re.findall(opened, shown) == [("", "conv1"), ("", "fc")]
    shown, _ = show(page, tmp_path, fragment="#layer-1")
    assert re.findall(opened, shown) == [("", "conv1"), (' open=""', "fc")]
    shown, _ = show(with_script(page, "document.querySelector('.controls button').click()"), tmp_path)
    assert re.findall(opened, shown) == [(' open=""', "conv1"), (' open=""', "fc")]


def test_it_can_be_printed(tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    show(mapping_page(small_network()), tmp_path, f"--print-to-pdf={file}")
    assert file.read_bytes().startswith(b"%PDF")
