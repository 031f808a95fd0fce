"""The judge on machines of a file: every design against `map`, families against one search per design."""

import pickle
from functools import cache

import numpy as np
import pytest
from tests.exploration.test_judge import same

import archloom as al
from archloom.exploration.base import Proposal
from archloom.exploration.families import Families
from archloom.exploration.judge import Judge, Verdicts
from archloom.exploration.request import Request
from archloom.exploration.space_file import load_space
from archloom.exploration.verdicts import records_of
from archloom.mapping.nest import Mapping
from archloom.search.base import rows_of
from archloom.workload.network import Layer, Network

GEMM = al.einsum("O[m,n] += W[m,k] * I[k,n]", {"m": 4, "n": 6, "k": 8}, name="gemm")
CONV = al.einsum("O[m,p] += W[m,c,r] * I[c,p+r]", {"m": 2, "c": 4, "p": 4, "r": 3}, name="conv")
NET = Network("net", (Layer(GEMM, count=2), Layer(CONV)))
TEXT = """
architecture:
  name: small
  word: 8 bit
  clock: 200 MHz
  levels:
    - {name: DRAM, energy: 200 pJ/word, shared_bandwidth: 4 words/cycle, keep: all, bypass: []}
    - {name: Buffer, size: 64 byte, energy: 6 pJ/word, area: 2000 um2, leak: 0.01 mW, keep: all, fanout: {x: 2, y: 2}}
    - {name: Registers, size: 6 words, energy: 0.5 pJ/word, area: 30 um2, keep: all}
  compute: {name: MAC, energy: 0.3 pJ, area: 50 um2}
constraints:
  - {level: Buffer, x: {dims: [m, p]}}
explore:
  networks: eyeriss
  parameters:
    levels.Buffer.size: {log2: [64 byte, 512 byte]}
    levels.Buffer.energy: 6 pJ/word
    levels.DRAM.shared_bandwidth: [2 words/cycle, 16 words/cycle]
    array.x: {divisors_of: 4}
    array.y: 4 // array.x
  objectives: [OBJECTIVE]
  mapping: KIND
"""


@cache
def request(kind: str = "best", objective: str = "edp", **others: str) -> Request:
    text = (
        TEXT.replace("KIND", kind).replace("OBJECTIVE", objective).replace("    levels.Buffer.energy: 6 pJ/word\n", "")
    )
    for old, new in others.items():
        text = text.replace(old, new)
    return load_space(text, networks=[NET])


def all_designs(asked: Request) -> np.ndarray:
    return np.concatenate(list(asked.space.blocks(1000)))


@cache
def best(objective: str = "edp") -> Verdicts:
    asked = request(objective=objective)
    return Judge(asked, memo=False)(all_designs(asked))


@pytest.mark.parametrize("objective", ["edp", "latency"])
def test_each_design_of_a_file_is_what_map_says(objective) -> None:
    asked = request(objective=objective)
    verdicts, designs = best(objective), all_designs(asked)
    assert len(designs) == asked.space.count() == 24
    assert verdicts.columns["feasible"].all()
    for row in range(0, len(designs), 5):
        spec = asked.machines.spec(designs[row])
        assert spec.architecture is not None
        found = al.map(NET, spec.architecture, constraints=spec, objective=objective, cache=False)
        here = {name: column[row] for name, column in verdicts.columns.items()}
        assert (here["energy_pj"], here["cycles"]) == (found.energy_pj, found.cycles)
        assert here["area_mm2"] == pytest.approx(spec.architecture.area_um2 * 1e-6)
        assert here["pes"] == 4
        assert here["onchip_kib"] == here["p:levels.Buffer.size"] / 8192 + 4 * 6 * 8 / 8192
        assert here["latency_s"] == pytest.approx(found.cycles / 200e6)
        assert here["power_mw"] == pytest.approx(found.energy_pj * 1e-9 / here["latency_s"])
        assert here["utilization"] <= 1


@pytest.mark.parametrize("objective", ["edp", "latency", "energy"])
def test_one_search_per_family_says_what_one_per_design_says(objective) -> None:
    asked = request("frontier", objective)
    designs = all_designs(asked)
    judge = Judge(asked, memo=False)
    found, expected = judge(designs), best(objective)
    assert found.columns["proven"].all()
    for name, column in expected.columns.items():
        if name != "reason":
            assert found.columns[name].tolist() == pytest.approx(column.tolist(), rel=1e-9), name
    for text, other in zip(found.mappings, expected.mappings, strict=True):
        for one, two in zip(records_of(text), records_of(other), strict=True):
            assert (one.energy_pj, one.cycles) == (pytest.approx(two.energy_pj, rel=1e-9), two.cycles)


def test_what_a_family_records_does_not_depend_on_who_asks(tmp_path) -> None:
    asked = request("frontier", "latency")
    designs = all_designs(asked)
    whole = Judge(asked, memo=False)(designs)
    order = np.random.default_rng(5).permutation(len(designs))
    judge = pickle.loads(pickle.dumps(Judge(asked, memo=tmp_path)))
    chunks = np.array_split(order, [1, 2, 9])
    parts = Verdicts.joined([judge(designs[rows]) for rows in chunks])
    back = np.argsort(np.concatenate(chunks))
    assert same(whole, Verdicts({n: c[back] for n, c in parts.columns.items()}, [parts.mappings[k] for k in back]))
    assert same(whole, Judge(asked, memo=tmp_path)(designs))


def test_a_family_is_the_same_for_all_its_designs() -> None:
    asked = request("frontier")
    families = Families(asked.space, asked.machines)
    assert [asked.space.parameters[at].name for at in families.loose] == [
        "levels.Buffer.size",
        "levels.DRAM.shared_bandwidth",
    ]
    designs = all_designs(asked)
    names = families.families(designs)
    assert len(set(names)) == 3
    for design, family in zip(designs, names, strict=True):
        members = families.members(design, family)
        inside = [row.tolist() for row, other in zip(designs, names, strict=True) if other == family]
        assert members.tolist() == inside


def test_families_are_cut_where_they_grow_large(monkeypatch) -> None:
    from archloom.exploration import families as module

    asked = request("frontier")
    designs = all_designs(asked)
    monkeypatch.setattr(module, "MOST", 3)
    families = Families(asked.space, asked.machines)
    names = families.families(designs)
    assert len(set(names)) == 9  # 8 designs to a template, 3 at a time
    for design, family in zip(designs, names, strict=True):
        inside = [row.tolist() for row, other in zip(designs, names, strict=True) if other == family]
        assert families.members(design, family).tolist() == inside


def test_families_keep_to_the_constraints_of_the_space() -> None:
    rule = {"  objectives:": "  constraints: [levels.Buffer.size >= 1024 or array.x == 1]\n  objectives:"}
    asked = load_space(_with(TEXT, **rule).replace("KIND", "frontier").replace("OBJECTIVE", "edp"), networks=[NET])
    families = Families(asked.space, asked.machines)
    designs = all_designs(asked)
    assert len(designs) == asked.space.count() < 24
    for design, family in zip(designs, families.families(designs), strict=True):
        assert asked.space.admits(families.members(design, family)).all()


def _with(text: str, **changes: str) -> str:
    text = text.replace("    levels.Buffer.energy: 6 pJ/word\n", "")
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def test_a_family_without_any_mapping() -> None:
    text = _with(TEXT, **{"{log2: [64 byte, 512 byte]}": "[1 byte, 2 byte, 64 byte]"})
    verdicts = {}
    for kind in ("best", "frontier"):
        asked = load_space(text.replace("KIND", kind).replace("OBJECTIVE", "edp"), networks=[NET])
        designs = all_designs(asked)
        verdicts[kind] = Judge(asked, memo=False)(designs)
    assert verdicts["best"].columns["reason"].tolist() == verdicts["frontier"].columns["reason"].tolist()
    assert set(verdicts["best"].columns["feasible"].tolist()) == {False, True}


def shared_mappings(judge: Judge) -> list[Mapping]:
    return [answer.evaluation.mapping for answer in judge.mapper.baseline() if answer.evaluation]


def expected_row(asked: Request, design: np.ndarray, mappings) -> tuple[float, int] | str:
    arch = asked.machines.spec(design).architecture
    assert arch is not None
    try:
        costs = [al.evaluate(work, arch, mapping) for work, mapping in zip((GEMM, CONV), mappings, strict=True)]
    except al.InfeasibleError as error:
        return str(error)
    return 2 * costs[0].energy_pj + costs[1].energy_pj, 2 * costs[0].cycles + costs[1].cycles


def test_fixed_is_the_baselines_best_mapping_everywhere() -> None:
    asked = request("fixed")
    judge = pickle.loads(pickle.dumps(Judge(asked, memo=False)))
    designs = all_designs(asked)
    found = judge(designs)
    mappings = shared_mappings(judge)
    legal = found.columns["reason"] == ""
    for row, design in enumerate(designs):
        expected = expected_row(asked, design, mappings)
        if isinstance(expected, str):
            assert found.columns["reason"][row].split(":")[0] == "net"
            assert not found.columns["feasible"][row]
            continue
        assert (found.columns["energy_pj"][row], found.columns["cycles"][row]) == expected
        assert not found.columns["proven"][row]
        assert np.isnan(found.columns["gap"][row])
        one = judge.judge_one(design, mappings)
        assert one.mappings == [found.mappings[row]]
        assert one.columns["edp"][0] == found.columns["edp"][row]
    assert 0 < legal.sum() < len(designs)
    assert set(found.columns["reason"][~legal]) == {
        "net: gemm: level 'Buffer': spatial trips exceed mesh axis X of the fanout",
        "net: gemm: level 'Buffer': spatial trips exceed mesh axis Y of the fanout",
    }


def test_every_design_may_bring_mappings_of_its_own() -> None:
    asked = request()
    judge = Judge(asked, memo=False)
    designs = np.repeat(all_designs(asked), 3, axis=0)
    rng = np.random.default_rng(1)
    spaces = [judge.mapper.space(asked.machines.spec(designs[0]), layer) for layer in range(2)]
    batches = tuple(space.sample(len(designs), rng) for space in spaces)
    found = judge(Proposal(designs, batches))
    twice = judge(Proposal(designs[::-1], tuple(rows_of(batch, np.arange(len(designs))[::-1]) for batch in batches)))
    assert found.mappings == twice.mappings[::-1]
    legal = 0
    for row, design in enumerate(designs):
        mappings = [space.mapping(batch, row) for space, batch in zip(spaces, batches, strict=True)]
        expected = expected_row(asked, design, mappings)
        if isinstance(expected, str):
            assert found.columns["reason"][row].startswith("net: ")
            continue
        legal += 1
        assert (found.columns["energy_pj"][row], found.columns["cycles"][row]) == pytest.approx(expected, rel=1e-14)
        (text,) = judge.judge_one(design, mappings).mappings
        pairs = zip(records_of(text), records_of(found.mappings[row]), strict=True)
        assert all((one.mapping, one.bound_by) == (two.mapping, two.bound_by) for one, two in pairs)
    assert legal > 2


def test_a_baseline_without_a_mapping_cannot_be_shared() -> None:
    text = _with(TEXT, **{"size: 64 byte": "size: 1 byte"}).replace("KIND", "fixed").replace("OBJECTIVE", "edp")
    asked = load_space(text, networks=[NET])
    with pytest.raises(al.InfeasibleError, match="net: gemm: the baseline has no mapping that the designs could share"):
        Judge(asked, memo=False).prepare()
