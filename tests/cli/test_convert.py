"""`archloom convert`: from every form to every other, and the numbers stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Archloom = Callable[..., Any]


def numbers(archloom: Archloom, *files: str) -> dict[str, Any]:
    done = archloom("evaluate", *files, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize("source", ["all.yaml", "timeloop.yaml"])
@pytest.mark.parametrize("form", ["native", "timeloop"])
def test_there_and_the_numbers_stay(archloom: Archloom, folder: Path, source: str, form: str) -> None:
    done = archloom("convert", source, "--to", form)
    assert done.code == 0, done.err
    (folder / "new.yaml").write_text(done.out, "utf-8")
    assert numbers(archloom, "new.yaml") == numbers(archloom, source)


def test_text(archloom: Archloom, folder: Path) -> None:
    done = archloom("convert", "all.yaml", "--to", "text")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("DRAM [ W 96  I 56  O 96 ]\n| for c in 0..2\nGLB [ ")
    (folder / "new.nest").write_text(done.out, "utf-8")
    assert numbers(archloom, "layer.yaml", "machine.yaml", "new.nest") == numbers(archloom, "all.yaml")


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("native", ["architecture.yaml", "mapping.yaml", "workload.yaml"]),
        ("timeloop", ["timeloop.yaml"]),
        ("text", ["mapping.nest"]),
    ],
)
def test_into_a_folder(archloom: Archloom, folder: Path, form: str, names: list[str]) -> None:
    done = archloom("convert", "all.yaml", "--to", form, "--out", "made/here")
    assert (done.code, done.out) == (0, "")
    assert sorted(path.name for path in (folder / "made" / "here").iterdir()) == names
    assert sorted(done.err.splitlines()) == [f"wrote made/here/{name}" for name in names]
    again = archloom("convert", "all.yaml", "--to", form, "--out", "made/here")
    assert again.code == 2
    assert sorted(again.err.splitlines()) == [
        f"error: made/here/{name}: the file exists already (give --force to replace it)" for name in names
    ]
    assert archloom("convert", "all.yaml", "--to", form, "--out", "made/here", "--force").code == 0


def test_one_existing_file_keeps_all_from_being_written(archloom: Archloom, folder: Path) -> None:
    (folder / "made").mkdir()
    (folder / "made" / "workload.yaml").write_text("precious", "utf-8")
    assert archloom("convert", "all.yaml", "--to", "native", "--out", "made").code == 2
    assert [path.name for path in (folder / "made").iterdir()] == ["workload.yaml"]
    assert (folder / "made" / "workload.yaml").read_text("utf-8") == "precious"


def test_a_part_alone(archloom: Archloom) -> None:
    done = archloom("convert", "--layer", "resnet18:conv1", "--to", "native")
    assert done.code == 0
    assert done.out.startswith("workload:\n")
    done = archloom("convert", "machine.yaml", "--to", "timeloop")
    assert done.err.startswith("error: no workload is given")
    done = archloom("convert", "--to", "native")
    assert done.err == "error: nothing to convert (expected a workload, an architecture or a mapping)\n"


def test_what_timeloop_cannot_say(archloom: Archloom, folder: Path) -> None:
    text = (folder / "all.yaml").read_text("utf-8").replace("{level: GLB, ", "{level: GLB, cut: {O: 0}, ")
    (folder / "all.yaml").write_text(text, "utf-8")
    done = archloom("convert", "all.yaml", "--to", "timeloop")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: mapping at 'GLB': the tiles of O have a cut")


def test_tables_for_accelergy(archloom: Archloom, folder: Path) -> None:
    """The tables of a machine are those that its Timeloop file carries, and are read back."""
    from archloom.interop.accelergy import read_art, read_ert

    written = archloom("convert", "all.yaml", "--to", "timeloop").out
    (folder / "timeloop.yaml").write_text(written, "utf-8")
    done = archloom("convert", "all.yaml", "--to", "ert", "--out", "made")
    assert (done.code, done.err) == (0, "wrote made/ERT.yaml\n")
    assert read_ert(folder / "made" / "ERT.yaml") == read_ert(folder / "timeloop.yaml")
    done = archloom("convert", "all.yaml", "--to", "art")
    assert done.code == 0
    assert read_art(done.out) == read_art(folder / "timeloop.yaml")
    done = archloom("convert", "--to", "ert")
    assert done.err.startswith("error: no architecture is given")
