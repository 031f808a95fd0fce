"""`archloom check`: what is well, and everything that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Archloom = Callable[..., Any]


def test_all_is_well(archloom: Archloom) -> None:
    done = archloom("check", "layer.yaml", "machine.yaml", "mapping.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "ok  workload      my_layer: O[m,p] += W[m,c,r] * I[c,p+r], 1,152 MACs",
        "ok  architecture  my_machine: DRAM > GLB > 8 RF > 8 MAC",
        "ok  mapping       fits; uses 8 of 8 MAC",
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [("layer.yaml", "ok  workload"), ("machine.yaml", "ok  architecture"), ("eyeriss", "ok  architecture")],
)
def test_one_file_alone(archloom: Archloom, name: str, line: str) -> None:
    done = archloom("check", name)
    assert done.code == 0
    assert done.out.startswith(line)


def test_timeloop_files(archloom: Archloom) -> None:
    done = archloom("check", "timeloop.yaml")
    assert done.code == 0
    assert "ok  mapping       fits" in done.out


def test_what_does_not_fit_is_told_from_what_is_wrong(archloom: Archloom) -> None:
    done = archloom("check", "all.yaml", "--set", "levels.GLB.fanout.x=2")
    assert done.code == 1
    assert len(done.out.splitlines()) == 2
    assert done.err.startswith("infeasible: level 'GLB': fanout: ")


def test_nothing_to_check(archloom: Archloom) -> None:
    done = archloom("check")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: nothing to check (expected a workload, an architecture or a mapping)\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"\x00",
        b"a: [",
        b"&a [*a]",
        b"- 1",
        b"!!python/object:os.system x",
        b"architecture: {levels: 9**9**9}",
    ],
)
def test_any_bytes_give_a_message(archloom: Archloom, folder: Path, content: bytes) -> None:
    (folder / "bad.yaml").write_bytes(content)
    for flags in ((), ("--timeloop",)):
        done = archloom("check", "bad.yaml", *flags)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")
        assert "Traceback" not in done.err
