import json
import math
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exploration.fakes import request_of, unbuildable

import archloom as al
from archloom.errors import InputError
from archloom.exploration.base import Proposal
from archloom.exploration.judge import Judge, Verdicts
from archloom.exploration.memo import Memo
from archloom.exploration.verdicts import records_of
from archloom.model.arrays import pack
from archloom.search.layer import LayerQuestion
from archloom.search.network_mapping import Options
from archloom.search.objective import objective_of
from archloom.search.spaces import space_of
from archloom.spec.load import Spec
from archloom.workload.network import Layer, Network

GEMM = al.einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 8, "k": 6}, name="gemm")
CONV = al.einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 4, "c": 2, "p": 6, "r": 3}, name="conv")
NET = Network("net", (Layer(GEMM, count=2), Layer(CONV, count=3)))
SIZES = {"size": [16.0, 256.0, 1024.0, 4096.0], "x": [1, 2, 4]}


def machine(size=512.0, x=2, ram_pj=100.0, buffer_pj=None, area=1.0, bandwidth=4.0) -> al.Architecture:
    pj = 1 + size / 512 if buffer_pj is None else buffer_pj
    buffer = al.Memory(
        "buffer",
        size_bits=size,
        keep=frozenset({"all"}),
        read_pj=pj,
        update_pj=pj,
        write_pj=pj,
        leak_pj=0.01,
        area_um2=area * size,
        fanout=al.Fanout(x=int(x)),
    )
    ram = al.Memory("ram", read_pj=ram_pj, write_pj=ram_pj, update_pj=ram_pj, shared_bandwidth=bandwidth)
    return al.Architecture("machine", (buffer, ram), al.Compute(energy_pj=1.0, area_um2=100.0))


def request(networks=(NET,), choices=SIZES, make=machine, baseline=None, **others):
    return request_of(networks, choices, make, {"size": 512.0, "x": 2} if baseline is None else baseline, **others)


def same(one: Verdicts, two: Verdicts) -> bool:
    if one.mappings != two.mappings or one.columns.keys() != two.columns.keys():
        return False
    return all(
        np.array_equal(one.columns[name], two.columns[name], equal_nan=one.columns[name].dtype.kind == "f")
        for name in one.columns
    )


# -- against al.map, brute force and by hand ----------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_each_design_is_what_map_says(objective) -> None:
    asked = request(objectives=[objective])
    designs = asked.space.all()
    verdicts = Judge(asked, memo=False)(designs)
    assert len(verdicts) == len(designs) == 12
    for row, design in enumerate(designs):
        here = {name: column[row] for name, column in verdicts.columns.items()}
        arch = machine(**asked.space.values(design))
        if design[0] == 0:
            with pytest.raises(al.InfeasibleError, match="level 'buffer' is too small: even the smallest tiles"):
                al.map(NET, arch, objective=objective, cache=False)
            assert here["reason"].startswith(
                "net: gemm: level 'buffer' is too small: even the smallest tiles it has to hold"
            )
            assert not here["feasible"]
            assert math.isnan(here["energy_pj"])
            assert here["excess"] == here[f"objective:{objective}"] == math.inf
            assert verdicts.mappings[row] == ""
            continue
        found = al.map(NET, arch, objective=objective, cache=False)
        assert (here["energy_pj"], here["cycles"]) == (found.energy_pj, found.cycles)
        assert (here["energy_pj@net"], here["cycles@net"]) == (found.energy_pj, found.cycles)
        assert here["edp"] == pytest.approx(found.edp, rel=1e-14)
        assert here["utilization"] == pytest.approx(found.utilization, rel=1e-14)
        assert here["area_mm2"] == pytest.approx(found.area_um2 * 1e-6, rel=1e-14)
        assert here["gap"] == pytest.approx(found.gap, abs=1e-12)
        assert here["macs"] == found.macs
        assert here["feasible"] and here["proven"] and found.finished
        assert (
            here[f"objective:{objective}"]
            == {"edp": here["edp"], "energy": found.energy_pj, "latency": found.cycles}[objective]
        )
        for record, layer in zip(records_of(verdicts.mappings[row]), found.layers, strict=True):
            assert record.layer == f"net: {layer.name}"
            assert (record.energy_pj, record.cycles) == (layer.evaluation.energy_pj, layer.evaluation.cycles)
            assert record.bound_by == layer.evaluation.bound_by
            text = f"mapping: |\n{''.join(f'  {line}' + chr(10) for line in record.mapping.splitlines())}"
            mapping = al.spec.mapping_from_yaml(text, layer.workload, arch)
            assert al.evaluate(layer.workload, arch, mapping).energy_pj == record.energy_pj


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_the_best_of_all_mappings_and_never_more_than_all_units_busy(data) -> None:
    bounds = {dim: data.draw(st.integers(1, 4)) for dim in "mnk"}
    work = al.einsum("O[m,n] += W[m,k] * I[k,n]", bounds)
    choices = {"size": [64.0, 128.0, 512.0], "x": [1, 2, 3], "ram_pj": [1.0, 50.0], "bandwidth": [0.5, 8.0]}
    objective = data.draw(st.sampled_from(["edp", "energy", "latency", "ed2p"]))
    asked = request((work,), choices, objectives=[objective])
    designs = asked.space.all()[data.draw(st.lists(st.integers(0, 35), min_size=1, max_size=4))]
    verdicts = Judge(asked, memo=False)(designs)
    rule = objective_of(objective)
    for row, design in enumerate(designs):
        arch = machine(**asked.space.values(design))
        space = space_of(work, arch, None, Options(rule))
        best = (math.inf, math.inf)
        for batch in space.enumerate():
            costs = al.evaluate_batch(work, arch, batch)
            legal = np.asarray(costs.reason) == 0
            pairs = zip(
                np.asarray(costs.energy_pj)[legal].tolist(), np.asarray(costs.cycles)[legal].tolist(), strict=True
            )
            best = min([best, *(rule.key(energy, cycles) for energy, cycles in pairs)])
        energy, cycles = verdicts.columns["energy_pj"][row], verdicts.columns["cycles"][row]
        assert rule.key(float(energy), float(cycles)) == pytest.approx(best, rel=1e-9)
        assert verdicts.columns["utilization"][row] <= 1


def test_a_machine_by_hand() -> None:
    """One multiply-accumulate unit under one memory: 8 MACs, 2 words of weights and outputs, 4 of inputs, each read for each MAC."""
    work = al.einsum("O[m] += W[m,k] * I[k]", {"m": 2, "k": 4}, name="dot")
    make = lambda pj=1.0: al.Architecture(  # noqa: E731
        "one", (al.Memory("ram", read_pj=pj, update_pj=10 * pj, area_um2=2e6),), al.Compute(energy_pj=0.5, area_um2=1e6)
    )
    asked = request_of((work,), {"pj": [1.0, 2.0]}, make, {}, clock=1e6, objectives=["energy"])
    found = Judge(asked, memo=False)(asked.space.all()).columns
    # reads: 8 weights, 8 inputs, 8 - 2 partial sums; updates: 8; MACs: 8 x 0.5
    energy = [8 + 8 + 6 + 80 + 4.0, 16 + 16 + 12 + 160 + 4.0]
    assert found["energy_pj"].tolist() == found["objective:energy"].tolist() == energy
    assert found["cycles"].tolist() == [8, 8]
    assert found["latency_s"].tolist() == [8e-6, 8e-6]
    assert found["power_mw"] == pytest.approx([e * 1e-12 / 8e-6 * 1e3 for e in energy])
    assert found["area_mm2"].tolist() == [3, 3]
    assert found["onchip_kib"].tolist() == [0, 0]
    assert found["utilization"].tolist() == [1, 1]
    assert found["gflops"] == pytest.approx([(16 - 2) / 8 * 1e-3] * 2)
    assert found["gap"].tolist() == [0, 0]
    assert found["p:pj"].tolist() == [1, 2]


def test_suites_weigh_their_networks() -> None:
    one, two = Network("one", (Layer(GEMM),)), Network("two", (Layer(GEMM), Layer(CONV, count=4)))
    asked = request((one, two), weights=(1.0, 3.0), objectives=["energy"])
    design = asked.space.all()[-1:]
    judge = Judge(asked, memo=False)
    found = judge(design).columns
    alone = [Judge(request((net,), objectives=["energy"]), memo=False)(design).columns for net in (one, two)]
    energies = [column["energy_pj"][0] for column in alone]
    assert [found["energy_pj@one"][0], found["energy_pj@two"][0]] == energies
    assert found["energy_pj"][0] == pytest.approx((energies[0] * energies[1] ** 3) ** 0.25)
    assert found["area_mm2"][0] == alone[0]["area_mm2"][0]
    assert judge.mapper.memo.asked == 4  # two distinct layers, on the baseline and on the design


# -- memory, ties and order ---------------------------------------------------------------------------------------------------


def tied(buffer_pj=1.0, ram_pj=8.0, size=2048.0, area=1.0) -> al.Architecture:
    return machine(size=size, x=2, ram_pj=ram_pj, buffer_pj=buffer_pj, area=area, bandwidth=64.0)


TIES = {"buffer_pj": [0.0, 1.0], "ram_pj": [0.0, 8.0, 16.0], "size": [1024.0, 2048.0, 8192.0]}


def tied_request(**others):
    return request((NET,), TIES, tied, {"buffer_pj": 1.0, "ram_pj": 8.0}, **others)


def test_a_start_is_part_of_the_question() -> None:
    """Where mappings are equal in energy and cycles the answer is the start, so the memo has to tell the two questions apart."""
    options = Options(objective_of("edp"))
    space = space_of(GEMM, tied(buffer_pj=0.0, ram_pj=0.0), None, options)
    plain = LayerQuestion(space, options)
    first = plain.answer().evaluation
    assert first is not None
    others = (space.mapping(batch, row) for batch in space.enumerate() for row in range(len(batch)))
    for other in others:
        question = LayerQuestion(space, options, other)
        if question.start is None or other == first.mapping:
            continue
        cost = al.evaluate(GEMM, space.architecture, other)
        if (cost.energy_pj, cost.cycles) == (first.energy_pj, first.cycles):
            break
    else:
        raise AssertionError("no tie: the test is of no use")
    assert question.key != plain.key
    assert question.key_without_start == plain.key
    answer = question.answer()
    assert answer.evaluation is not None and answer.evaluation.mapping == other
    memo = Memo()
    for asked in (question, plain, question, plain):
        found = memo.answer(asked).evaluation
        assert found is not None and found.mapping == (other if asked is question else first.mapping)
    assert (memo.asked, memo.solved) == (4, 2)


def test_starts_that_are_not_legal_are_left_out() -> None:
    options = Options(objective_of("edp"))
    big = LayerQuestion(space_of(GEMM, machine(size=4096.0), None, options), options).answer().evaluation
    assert big is not None
    small = LayerQuestion(space_of(GEMM, machine(size=64.0), None, options), options, big.mapping)
    assert small.start is None
    assert small.key == small.key_without_start
    other = al.Architecture("other", (al.Memory("ram"),))
    assert LayerQuestion(space_of(GEMM, other, None, options), options, big.mapping).start is None
    unlike = LayerQuestion(space_of(CONV, machine(size=4096.0), None, options), options, big.mapping)
    assert unlike.start is None


@pytest.mark.parametrize("objectives", [["edp"], ["latency"], ["energy"]])
def test_verdicts_do_not_depend_on_the_order_of_work(objectives, tmp_path) -> None:
    asked = tied_request(objectives=objectives)
    designs = asked.space.all()
    whole = Judge(asked, memo=False)(designs)
    rng = np.random.default_rng(3)
    for seed in range(3):
        order = rng.permutation(len(designs))
        judge = Judge(asked, memo=tmp_path / "memo" if seed else False)
        if seed == 1:
            judge.prepare()
            judge = pickle.loads(pickle.dumps(judge))
        chunks = np.array_split(order, [1, 3, 8])
        found = Verdicts.joined([judge(designs[rows]) for rows in chunks])
        back = np.argsort(np.concatenate(chunks))
        sorted_ = Verdicts({n: c[back] for n, c in found.columns.items()}, [found.mappings[k] for k in back])
        assert same(whole, sorted_)
    again = Judge(asked, memo=tmp_path / "memo")
    assert same(whole, again(designs))
    assert again.mapper.memo.solved == 0


def test_verdicts_do_not_depend_on_the_process(tmp_path) -> None:
    """Sets and dicts of names come in another order under another hash seed; the bytes may not."""
    code = """
import pickle, sys
from archloom.exploration.judge import Judge
from tests.exploration.test_judge import tied_request
asked = tied_request()
verdicts = Judge(asked, memo=False)(asked.space.all())
sys.stdout.buffer.write(repr((verdicts.mappings, [(n, c.tolist()) for n, c in verdicts.columns.items()])).encode())
"""
    root = Path(__file__).resolve().parents[2]
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_what_the_mapper_does_not_see_is_not_searched_again() -> None:
    choices = {"area": [1.0, 2.0, 3.0], "ram_pj": [100.0, 100.0]}
    asked = request((NET, Network("same", (Layer(CONV),))), choices, baseline={"size": 512.0, "ram_pj": 7.0})
    judge = Judge(asked, memo=False)
    found = judge(asked.space.all())
    assert len(set(found.columns["area_mm2"].tolist())) == 3
    assert len(set(found.columns["energy_pj"].tolist())) == 1
    memo = judge.mapper.memo
    assert (memo.asked, memo.solved) == (2 + 6 * 2, 2 + 2)


def test_the_baseline_among_the_designs_is_not_searched_twice() -> None:
    asked = request(baseline={"size": 1024.0, "x": 4})
    judge = Judge(asked, memo=False)
    found = judge(np.array([[2, 2]]))
    assert judge.mapper.memo.solved == 2
    records = records_of(found.mappings[0])
    known = [answer.evaluation for answer in judge.mapper.baseline()]
    assert [record.energy_pj for record in records] == [cost.energy_pj for cost in known if cost]


def test_a_prepared_judge_takes_what_it_knows_along() -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    judge.prepare()
    twin = pickle.loads(pickle.dumps(judge))
    assert twin.mapper.memo.solved == 0
    design = asked.space.all()[-1:]
    assert same(twin(design), judge(design))
    assert twin.mapper.memo.solved == 2  # the design's two layers, not the baseline's


def test_damaged_and_wrong_entries_are_none(tmp_path) -> None:
    asked = request()
    design = asked.space.all()[-1:]
    right = Judge(asked, memo=tmp_path)(design)
    files = sorted(path for path in tmp_path.rglob("*.json"))
    assert len(files) == 4
    files[0].write_text(files[0].read_text()[:-5])
    _, body = files[1].read_text().split("\n")
    content = json.loads(body)
    content["energy_pj"] /= 2
    from archloom.search.cache import Cache

    cache, key = Cache(tmp_path), content.pop("key")
    cache.store(key, content)
    assert cache.load(key) == content
    judge = Judge(asked, memo=tmp_path)
    assert same(judge(design), right)
    assert judge.mapper.memo.solved == 2


# -- time limits --------------------------------------------------------------------------------------------------------------


def test_a_time_limit_says_how_far_off_it_may_be(tmp_path) -> None:
    bounds = {"m": 24, "c": 24, "p": 24, "q": 24, "r": 3, "s": 3}
    work = al.einsum("O[m,p,q] += W[m,c,r,s] * I[c,p+r,q+s]", bounds, name="large")
    asked = request((work,), {"size": [4096.0]}, time_limit_s=1e-3)
    judge = Judge(asked, memo=tmp_path)
    found = judge(asked.space.all()).columns
    best = Judge(request((work,), {"size": [4096.0]}), memo=False)(asked.space.all()).columns
    assert best["proven"][0] and best["gap"][0] == 0
    assert not found["proven"][0]
    assert 0 <= found["gap"][0] <= 1
    assert found["edp"][0] * (1 - found["gap"][0]) <= best["edp"][0] * (1 + 1e-9)
    assert best["edp"][0] <= found["edp"][0] * (1 + 1e-9)
    assert not list(tmp_path.rglob("*.json"))


# -- budgets and failures -----------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_not_mapped() -> None:
    asked = request(budget={"area": 1500e-6, "pes": 2, "onchip_kib": 1})
    judge = Judge(asked, memo=False)
    judge.prepare()
    before = judge.mapper.memo.asked
    found = judge(np.array([[2, 2], [3, 0], [1, 1]]))
    assert found.columns["reason"].tolist() == [
        "over budget: pes is 4, over 2 by 100 %",
        "over budget: area is 0.004196, over 0.0015 by 180 %",
        "",
    ]
    assert judge.mapper.memo.asked == before + 2
    assert found.columns["excess"].tolist() == [1.0, pytest.approx(4196 / 1500 - 1), 0.0]
    assert found.columns["objective:edp"][:2].tolist() == [math.inf, math.inf]
    assert found.columns["pes"].tolist() == [4, 1, 2]
    assert found.mappings[:2] == ["", ""]
    scores = found.scores
    assert scores.is_feasible.tolist() == [False, False, True]


def test_a_budget_that_needs_a_mapping_says_how_far_over() -> None:
    asked = request(budget={"power_mw": 1.0}, clock=1e9)
    found = Judge(asked, memo=False)(np.array([[2, 2]]))
    power = found.columns["power_mw"][0]
    assert power > 1
    assert found.columns["excess"].tolist() == [pytest.approx(power - 1)]
    assert found.columns["reason"][0].startswith(f"over budget: power_mw is {power:.6g}, over 1 by ")
    assert not found.columns["feasible"][0]
    assert np.isfinite(found.columns["objective:edp"][0])
    assert found.mappings[0]


def test_figures_that_no_design_has_are_refused() -> None:
    with pytest.raises(InputError) as error:
        Judge(request(objectives=["power", "edp"], budget={"gflops": 3}))
    assert str(error.value).splitlines() == [
        "gflops is not known: the machine has no clock (write clock: 1 GHz in the architecture)",
        "power_mw is not known: the machine has no clock (write clock: 1 GHz in the architecture)",
    ]
    bare = lambda size=512.0, x=2: machine(size, x, area=0.0)  # noqa: E731
    free = lambda size=512.0, x=2: replace(bare(size, x), compute=al.Compute(energy_pj=1.0))  # noqa: E731
    with pytest.raises(InputError) as error:
        Judge(request(make=free, budget={"area": 3}))
    assert str(error.value) == (
        "area_mm2 is not known: no component of the machine has an area (give the components area, or a class and a node)"
    )
    assert Judge(request(make=free, budget={"pes": 3}))(np.array([[2, 0]])).columns["feasible"].all()


def test_a_design_that_cannot_be_built_is_a_row() -> None:
    def make(size=512.0, x=2):
        return unbuildable("a mesh of 4 is not to be had") if x == 4 else machine(size, x)

    asked = request(make=make)
    found = Judge(asked, memo=False)(np.array([[2, 2], [2, 1]]))
    assert found.columns["reason"].tolist() == ["a mesh of 4 is not to be had", ""]
    assert found.columns["feasible"].tolist() == [False, True]
    assert found.columns["excess"].tolist() == [math.inf, 0.0]
    assert np.isnan(found.columns["pes"][0])
    assert found.columns["p:x"].tolist() == [4.0, 2.0]


def test_a_fault_of_ours_costs_one_design_only(monkeypatch) -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    judge.prepare()
    plain = type(judge.mapper).map_row

    def broken(mapper, spec: Spec, row, sheet) -> None:
        if row == 0:
            raise ZeroDivisionError("oops")
        plain(mapper, spec, row, sheet)

    monkeypatch.setattr(type(judge.mapper), "map_row", broken)
    found = judge(np.array([[2, 2], [2, 1]]))
    assert found.columns["reason"].tolist() == ["internal fault: ZeroDivisionError: oops", ""]


def test_a_proposal_that_failed_outside() -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    designs = np.array([[2, 2], [1, 1]])
    lost = judge.failed(Proposal(designs), "its worker died")
    assert lost.columns["reason"].tolist() == ["its worker died"] * 2
    assert lost.columns.keys() == judge(designs).columns.keys()
    kinds = {name: column.dtype.kind for name, column in judge(designs).columns.items()}
    assert {name: column.dtype.kind for name, column in lost.columns.items()} == kinds
    assert not lost.columns["feasible"].any()
    assert np.isinf(lost.scores.values).all()


def test_no_designs_at_all() -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    none = judge(np.empty((0, 2), np.int64))
    assert len(none) == 0
    assert none.columns.keys() == judge(np.array([[2, 2]])).columns.keys()


# -- given mappings -----------------------------------------------------------------------------------------------------------


def test_a_proposal_may_bring_its_mappings() -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    designs = np.array([[2, 1], [3, 1], [0, 1]])
    best = judge(designs[:2])
    arch = machine(size=1024.0, x=2)
    mappings = [record.mapping for record in records_of(best.mappings[0])]
    from archloom.mapping.text import parse

    batches = tuple(
        pack(work, arch, [parse(text, work, arch)] * 3) for work, text in zip(judge.suite.layers, mappings, strict=True)
    )
    found = judge(Proposal(designs, batches))
    for name in ("energy_pj", "cycles", "objective:edp"):
        assert found.columns[name][0] == best.columns[name][0]
    assert found.columns["objective:edp"][1] >= best.columns["objective:edp"][1]
    assert found.columns["reason"][2].startswith("net: gemm: level 'buffer': the kept tiles exceed the capacity")
    assert not found.columns["proven"].any()


def test_dry_runs_of_the_columns() -> None:
    asked = request(objectives=["edp", {"maximise": "throughput"}])
    found = Judge(asked, memo=False)(np.array([[2, 2]]))
    names = list(found.columns)
    assert names[:3] == ["p:size", "p:x", "energy_pj"]
    assert names[-8:] == [
        "objective:edp",
        "objective:throughput",
        "feasible",
        "excess",
        "reason",
        "proven",
        "energy_pj@net",
        "cycles@net",
    ]
    assert found.columns["objective:throughput"][0] == -found.columns["throughput"][0]
    assert found.scores.values.shape == (1, 2)
