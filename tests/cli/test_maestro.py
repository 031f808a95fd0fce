"""`archloom maestro`: files, networks and machines, both engines, sweeps and budgets, and what is said about mistakes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archloom.cli.maestro_inputs import read_budgets, read_sweep
from archloom.errors import InputError
from archloom.interop import maestro as files

Archloom = Callable[..., Any]

CONV = """\
Constant TILE 8;
Network example {
  Layer CONV1 {
    Type: CONV
    Dimensions { K: 32, C: 16, R: 3, S: 3, Y: 18, X: 18 }
    Dataflow {
      SpatialMap(1,1) K;
      TemporalMap(TILE,TILE) C;
      TemporalMap(Sz(R),Sz(R)) R;
      TemporalMap(Sz(S),Sz(S)) S;
      TemporalMap(Sz(R),1) Y;
      TemporalMap(Sz(S),1) X;
      Cluster(TILE, P);
      SpatialMap(1,1) C;
    }
  }
  Layer CONV2 {
    Type: CONV
    Stride { X: 2, Y: 2 }
    Dimensions { K: 32, C: 16, R: 3, S: 3, Y: 17, X: 17 }
    Dataflow {
      TemporalMap(1,1) K;
      TemporalMap(1,1) C;
      SpatialMap(Sz(R),1) Y;
      TemporalMap(10,8) X;
      TemporalMap(Sz(R),Sz(R)) R;
      TemporalMap(Sz(S),Sz(S)) S;
    }
  }
}
"""
MACHINE = "num_pes: 64\nnoc_bw_cstr: 16\noffchip_bw_cstr: 256\nl1_size_cstr: 100\nNoC_NumHops: 1\n"
MODEL = """\
Network model {
  Layer A { Type: CONV Dimensions { K: 8, C: 8, R: 3, S: 3, Y: 10, X: 10 } }
  Layer B { Type: DSCONV Dimensions { C: 8, R: 3, S: 3, Y: 10, X: 10 } }
}
"""


@pytest.fixture
def model(folder: Path) -> Path:
    (folder / "conv.m").write_text(CONV)
    (folder / "hw.m").write_text(MACHINE)
    (folder / "model.m").write_text(MODEL)
    return folder


# -------------------------------------------------------------------------------------------------------------- files


def test_one_engine_says_what_run_says(model: Path, archloom: Archloom) -> None:
    for engine in ("compatible", "corrected"):
        done = archloom("maestro", "conv.m", "--hw", "hw.m", "--engine", engine, "--json")
        assert (done.code, done.err) == (0, "")
        (found,) = json.loads(done.out)["engines"].values()
        wanted = files.run(CONV, MACHINE, engine=engine)
        for shown, block in zip(found["layers"], wanted, strict=True):
            assert {key: shown[key] for key in block} == json.loads(json.dumps(block))
        assert found["totals"]["cycles"] == sum(block["summary"]["runtime"] for block in wanted)


def test_both_engines_stand_side_by_side(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "conv.m", "--hw", "hw.m")
    assert (done.code, done.err) == (0, "")
    head = done.out.split("\n")
    assert head[0] == "example"
    assert head[1] == ("64 PEs, NoC 16 elements/cycle after 1 cycle, off-chip 256 elements/cycle, L1 100, L2 unlimited")
    for words in ("compatible", "corrected", "CONV2", "Why they differ", "B4", "Buffers and bandwidths"):
        assert words in done.out
    found = json.loads(archloom("maestro", "conv.m", "--hw", "hw.m", "--json").out)
    macs = {engine: [layer["num_macs"] for layer in part["layers"]] for engine, part in found["engines"].items()}
    assert macs["corrected"] == [1179648, 294912]
    assert macs["compatible"][1] > 294912
    (change,) = [c for c in found["differences"] if c["key"] == "num_macs"]
    assert (change["layer"], change["corrected"], change["reasons"]) == ("CONV2", 294912, ["B4"])
    assert "stride" in found["reasons"]["B4"]


def test_a_machine_is_changed(model: Path, archloom: Archloom) -> None:
    def runtime(*arguments: str) -> int:
        done = archloom("maestro", "conv.m", "--layer", "CONV1", "--engine", "compatible", "--json", *arguments)
        assert done.code == 0
        return json.loads(done.out)["engines"]["compatible"]["layers"][0]["summary"]["runtime"]

    assert runtime("--hw", "hw.m") == 37051
    assert runtime("--hw", "hw.m", "--set", "noc_bw=1") == 317241
    assert runtime("--set", "num_pes=64", "--set", "NoC_NumHops=1", "--set", "noc_bw_cstr=16", "--set", "offchip_bw=256") == 37051  # fmt: skip


def test_the_sample_machine_is_named(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "conv.m", "--engine", "compatible")
    assert "no hardware file: MAESTRO's sample accelerator of 256 PEs is taken" in done.err
    assert "256 PEs, NoC 1,000 elements/cycle after 1 cycle, off-chip 50 elements/cycle, L1 100, L2 3,000" in done.out


def test_a_file_of_layers_under_a_stock_dataflow(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "model.m", "--dataflow", "nvdla", "--hw", "hw.m", "--json", "-o", "under.m")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["dataflow"] == "kc-p"
    assert [layer["num_macs"] for layer in found["engines"]["corrected"]["layers"]] == [36864, 4608]
    again = json.loads(archloom("maestro", "under.m", "--hw", "hw.m", "--json").out)
    assert again["engines"] == found["engines"]


def test_what_one_engine_refuses_the_other_may_price(model: Path, archloom: Archloom) -> None:
    (model / "shared.m").write_text(
        CONV.replace(
            """    Dataflow {
      TemporalMap(1,1) K;
      TemporalMap(1,1) C;
      SpatialMap(Sz(R),1) Y;
      TemporalMap(10,8) X;
      TemporalMap(Sz(R),Sz(R)) R;
      TemporalMap(Sz(S),Sz(S)) S;
    }
""",
            "",
        )
    )
    done = archloom("maestro", "shared.m", "--hw", "hw.m", "--json")
    assert done.code == 0
    assert (
        "warning: the compatible engine cannot price this: shared.m:17:3: the layer CONV2 has no Dataflow" in done.err
    )
    assert list(json.loads(done.out)["engines"]) == ["corrected"]
    done = archloom("maestro", "shared.m", "--hw", "hw.m", "--set", "l1=1k", "--sweep", "pes=32,64")
    assert done.code == 0
    assert "warning: the compatible engine cannot price this: shared.m:17:3" in done.err
    assert "Corrected engine" in done.out
    assert "Compatible engine" not in done.out
    done = archloom("maestro", "shared.m", "--hw", "hw.m", "--engine", "compatible")
    assert (done.code, done.out) == (2, "")


def test_maestros_csv(model: Path, archloom: Archloom) -> None:
    arguments = ("maestro", "conv.m", "--hw", "hw.m", "--engine", "compatible", "--csv", "one.csv")
    assert archloom(*arguments).code == 0
    text = (model / "one.csv").read_text()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:5] == [
        "Neural Network Name", " Layer Number", " NumPEs", " Runtime (Cycles)", " Activity count-based Energy (nJ)",
    ]  # fmt: skip
    assert "  L2 SRAM Size Req (Bytes)" in rows[0]
    assert rows[0].count("Compute Delay (Min)") + rows[0].count(" Compute Delay (Min)") == 2
    first = files.run(CONV, MACHINE)[0]["csv"]
    assert rows[1] == [str(value) for value in first.values()]
    assert len(rows) == 3
    assert archloom("maestro", "conv.m", "--hw", "hw.m", "-o", "both.csv").code == 0
    both = list(csv.reader(io.StringIO((model / "both.csv").read_text())))
    assert [row[-1] for row in both] == [" Engine", "compatible", "corrected", "compatible", "corrected"]
    assert [row[:-1] for row in both[:2]] == rows[:2]


def test_a_network_under_a_dataflow(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "--dataflow", "yr-p", "--network", "mobilenet_v2", "--hw", "hw.m")
    assert done.code == 0
    assert done.out.startswith("mobilenet_v2, dataflow yr-p\n")
    assert "300,774,272" in done.out
    done = archloom("maestro", "--dataflow", "nmk", "--network", "mobilenet_v2", "--hw", "hw.m")
    assert "Left out" in done.out
    assert "it is a DSCONV or NGCONV, for which the dataflow nmk has no directives" in done.out


def test_the_stock_dataflows_are_listed(archloom: Archloom) -> None:
    done = archloom("maestro", "--dataflows")
    assert done.code == 0
    for name in files.DATAFLOWS:
        assert f"\n{name}" in f"\n{done.out}"
    assert "Cluster(Sz(R), P)" in done.out
    found = json.loads(archloom("maestro", "--dataflows", "--json").out)
    assert [flow["name"] for flow in found] == list(files.DATAFLOWS)
    assert found[0]["directives"]["CONV"][0] == "SpatialMap(1,1) K"


# ------------------------------------------------------------------------------------------------------------ mistakes


def test_mistakes_are_placed(model: Path, archloom: Archloom) -> None:
    (model / "bad.m").write_text(CONV.replace("SpatialMap(1,1) K", "SpatialMapp(1,1) K"))
    done = archloom("maestro", "bad.m", "--hw", "hw.m")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "error: bad.m:7:7: expected a directive, found 'SpatialMapp' (did you mean 'SpatialMap'?"
    )
    assert "     7 |       SpatialMapp(1,1) K;" in done.err
    (model / "bad_hw.m").write_text("num_pe: 64\n")
    done = archloom("maestro", "conv.m", "--hw", "bad_hw.m")
    assert done.code == 2
    assert "error: bad_hw.m:1:1: unknown key: 'num_pe' (did you mean 'num_pes'?" in done.err
    done = archloom("maestro", "conv.m", "--set", "pes=4")
    assert done.code == 2
    assert "error: conv.m:13:7: the clusters need 8 PEs and the machine has 4" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to price (expected a mapping file (.m), or --dataflow NAME with --network NAME)"),
        (("conv.m", "--network", "resnet18"), "a mapping file and --network exclude each other"),
        (("--network", "resnet18"), "--network needs a dataflow (add --dataflow NAME, such as kc-p"),
        (("--network", "resnet81", "--dataflow", "kc-p"), "'resnet18'"),
        (("--network", "resnet18", "--dataflow", "kc-q"), "there is no dataflow 'kc-q' (did you mean 'kc-p'?)"),
        (("con.m",), "con.m: no such file (did you mean 'conv.m'?)"),
        (("conv.m", "--hw", "hv.m"), "hv.m: no such file (did you mean 'hw.m'?)"),
        (("conv.m", "--engine", "correct"), "--engine: there is no engine 'correct' (did you mean 'corrected'?)"),
        (("conv.m", "--layer", "CONV3"), "--layer: there is no layer 'CONV3' (did you mean 'CONV2'?)"),
        (("conv.m", "--set", "pe=3"), "--set: a machine has no 'pe' (did you mean 'pes'?)"),
        (("conv.m", "--set", "pes=0"), "--set: '0' is no value for pes (expected a whole number from 1 to 2147483647)"),
        (("conv.m", "--set", "pes=0", "--set", "l1=x"), "'x' is no value for l1"),
        (("conv.m", "-o", "a.txt"), "a.txt: cannot write a .txt (expected one of: .html, .json, .csv, .m)"),
        (("conv.m", "-o", "hw.m"), "hw.m: the file exists already (give --force to replace it)"),
        (("conv.m", "--sweep", "pe=1:2"), "--sweep: a machine has no 'pe' (did you mean 'pes'?)"),
        (("conv.m", "--sweep", "pes=8:4"), "'8:4' is an empty range"),
        (("conv.m", "--sweep", "pes=1:2:3:4"), "'1:2:3:4' is no range"),
        (("conv.m", "--sweep", "pes=64", "--sweep", "num_pes=64"), "pes is swept twice"),
        (("conv.m", "--budget", "aera=16mm2"), "--budget: there is no budget for 'aera' (did you mean 'area'?)"),
        (("conv.m", "--budget", "area=16"), "--budget: '16' is no area (expected a number with mm2 or um2)"),
        (("conv.m", "--budget", "power=-3mW"), "--budget: '-3mW' is no power (expected a number with mW or W)"),
    ],
)
def test_mistakes_on_the_command_line(
    model: Path, archloom: Archloom, arguments: tuple[str, ...], message: str
) -> None:
    done = archloom("maestro", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_no_text(model: Path, archloom: Archloom) -> None:
    (model / "conv.m").write_bytes(b"\xff\xfe\x00\xd8")
    done = archloom("maestro", "conv.m")
    assert (done.code, done.err) == (2, "error: conv.m: this is no mapping file of MAESTRO: it is not text\n") or (
        "it is not text" in done.err
    )


# --------------------------------------------------------------------------------------------------------------- axes


def test_axes() -> None:
    assert read_sweep(["pes=16:64:16", "noc_bw_cstr=8:64:x2", "l2=1Ki,2k,1Ki", "noc_latency=0:2"]) == {
        "pes": [16, 32, 48, 64],
        "noc_bw": [8, 16, 32, 64],
        "l2": [1024, 2000],
        "noc_latency": [0, 1, 2],
    }
    assert read_sweep(["pes=10:20:4"])["pes"] == [10, 14, 18]
    assert read_sweep(["pes=10:20:x3"])["pes"] == [10]
    assert read_budgets(["area=16mm2", "power=0.45W"]) == {"area": 16e6, "power": 450.0}
    with pytest.raises(InputError, match=r"has 2,000,000 values \(at most 1,000,000 on an axis\)"):
        read_sweep(["pes=1:2000000"])
    with pytest.raises(InputError, match="goes nowhere"):
        read_sweep(["pes=1:8:x1"])


# ------------------------------------------------------------------------------------------------------------- sweeps


def test_a_sweep_prices_every_machine(model: Path, archloom: Archloom) -> None:
    arguments = (
        "maestro",
        "conv.m",
        "--hw",
        "hw.m",
        "--set",
        "l1=1Ki",
        "--sweep",
        "pes=16:64:16",
        "--sweep",
        "noc_bw=4,8",
    )
    done = archloom(*arguments, "--json", "--csv", "designs.csv")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["axes"] == {"pes": [16, 32, 48, 64], "noc_bw": [4, 8]}
    rows = list(csv.DictReader(io.StringIO((model / "designs.csv").read_text())))
    assert len(rows) == 2 * 4 * 2
    network = files.parse_mapping(CONV)
    for row in rows:
        machine = files.Hardware(
            num_pes=int(row["pes"]), noc_bandwidth=int(row["noc_bw"]), noc_latency=1, offchip_bandwidth=256
        )
        blocks = files.price_network(network, machine, engine=row["engine"])
        assert int(row["runtime"]) == sum(block["summary"]["runtime"] for block in blocks)
        assert int(row["macs"]) == sum(block["num_macs"] for block in blocks)
        assert float(row["area_um2"]) == pytest.approx(max(block["csv"]["Area"] for block in blocks), rel=1e-3)
        assert int(row["l1_required"]) == max(block["csv"]["L1 SRAM Size Req (Bytes)"] for block in blocks)
        assert row["feasible"] == "True"
    for engine, part in found["engines"].items():
        least = min(int(row["runtime"]) for row in rows if row["engine"] == engine)
        assert part["best"]["throughput"]["cycles"] == least
        assert part["designs"] == part["feasible"] == 8


def test_a_sweep_of_a_network_counts_every_execution(model: Path, archloom: Archloom) -> None:
    arguments = ("--dataflow", "kc-p", "--network", "resnet18", "--engine", "corrected", "--json")
    swept = json.loads(archloom("maestro", *arguments, "--sweep", "pes=64,128").out)
    alone = json.loads(archloom("maestro", *arguments, "--set", "pes=128", "--set", "l1=1M", "--set", "noc_bw=1000", "--set", "offchip_bw=50").out)  # fmt: skip
    best = swept["engines"]["corrected"]["best"]["throughput"]
    assert best["axes"] == {"pes": 128}
    assert best["cycles"] == alone["engines"]["corrected"]["totals"]["cycles"]
    assert best["energy_pj"] == pytest.approx(alone["engines"]["corrected"]["totals"]["energy_pj"])


def test_a_sweep_in_the_terminal_and_on_a_page(model: Path, archloom: Archloom) -> None:
    done = archloom(
        *("maestro", "conv.m", "--layer", "CONV1", "--sweep", "pes=4:64:4", "--sweep", "noc_bw=4:64:x2"),
        *("--budget", "area=4mm2", "--budget", "power=200mW", "-o", "page.html", "-o", "designs.json", "-o", "all.csv"),
    )
    assert done.code == 0
    assert done.out.startswith("example: CONV1\nPEs 4 to 64 (16 values), NoC 4 to 64 (5 values); area up to 4.00 mm²")
    for words in ("Compatible engine", "Corrected engine", "throughput", "energy", "EDP", "of 80 designs can be built"):
        assert words in done.out
    assert "4 PEs: conv.m:13:7: the clusters need 8 PEs and the machine has fewer" in " ".join(done.out.split())
    page = (model / "page.html").read_text()
    assert page.count("<svg") >= 6
    assert "budget 4.00 mm²" in page
    found = json.loads((model / "designs.json").read_text())
    assert found["budgets"] == {"area_um2": 4e6, "power_mw": 200.0}
    for part in found["engines"].values():
        assert all(design["area_um2"] <= 4e6 and design["power_mw"] <= 200 for design in part["front"])
        assert 0 < len(part["front"]) <= part["feasible"] < part["designs"]


def test_nothing_within_the_budget(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "conv.m", "--hw", "hw.m", "--sweep", "noc_bw=4,8", "--budget", "power=5mW")
    assert (done.code, done.out) == (1, "")
    message = " ".join(done.err.split())
    assert "infeasible: compatible engine: none of 2 designs can be built with power up to 5.00 mW" in message
    assert "the nearest misses by" in message
    assert "NoC 4 with area" in message
    done = archloom("maestro", "conv.m", "--hw", "hw.m", "--budget", "power=5mW", "--engine", "corrected", "--json")
    assert done.code == 1
    nearest = json.loads(done.out)["engines"]["corrected"]["nearest"]
    assert nearest["power_mw"] > 5


def test_buffers_that_are_too_small(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "conv.m", "--hw", "hw.m", "--sweep", "l2=1,2", "--engine", "compatible")
    assert done.code == 1
    assert "L2 1,312 needed" in done.err
    done = archloom("maestro", "conv.m", "--hw", "hw.m", "--sweep", "noc_bw=4,8", "--engine", "compatible")
    assert done.code == 1
    assert "L1 of 100" in done.err
    assert "L1 126 needed" in done.err


def test_no_machine_has_enough_pes(model: Path, archloom: Archloom) -> None:
    done = archloom("maestro", "conv.m", "--hw", "hw.m", "--sweep", "pes=2:7")
    assert (done.code, done.out) == (2, "")
    assert "error: conv.m:13:7: the clusters need 8 PEs and the machine has 2" in done.err


def test_too_many_designs_for_a_table(model: Path, archloom: Archloom) -> None:
    done = archloom(
        *(
            "maestro",
            "conv.m",
            "--sweep",
            "pes=8:64",
            "--sweep",
            "l1=1Ki:20Ki",
            "--engine",
            "corrected",
            "-o",
            "all.csv",
        )
    )
    assert done.code == 2
    assert "--csv: 1,109,049 designs are too many for a CSV file" in done.err
    assert not (model / "all.csv").exists()
