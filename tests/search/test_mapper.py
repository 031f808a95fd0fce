"""Mapping a network: right answers with honest certificates, each shape once, whatever the jobs, the cache and the interruptions."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.search.mapping_cases import MACHINE, NETWORK, conv

import archloom as al
from archloom.architecture.hierarchy import Architecture, Fanout, Memory
from archloom.errors import InfeasibleError, InputError
from archloom.mapspace.constraints import FactorRule, LevelConstraints
from archloom.mapspace.space import MapSpace
from archloom.model.batch import evaluate_batch
from archloom.model.evaluate import evaluate
from archloom.search.cache import Cache
from archloom.search.events import Event, LayerDone, LayerStarted, LayerStatus, NetworkStarted
from archloom.search.network_mapping import LayerMapping, Missing, NetworkMapping, NoMappingError
from archloom.search.objective import objective_of
from archloom.search.random_search import RandomSearch
from archloom.spec import to_yaml
from archloom.workload.einsum import Workload, einsum
from archloom.workload.layers import gemm
from archloom.workload.network import Layer, Network

TWO_LEVELS = Architecture(
    "two levels",
    (
        Memory("buffer", 20 * 16, read_pj=2.0, write_pj=2.5, update_pj=2.5, fanout=Fanout(2, 1)),
        Memory("RAM", read_pj=50.0, write_pj=60.0, update_pj=60.0, read_bandwidth=1.0),
    ),
)


def sums(mapping: NetworkMapping) -> dict[str, tuple[Any, ...]]:
    """What has to be the same however a network is mapped."""
    return {
        layer.name: (layer.objective, layer.bound, layer.evaluation.energy_pj, layer.evaluation.cycles, layer.finished)
        for layer in mapping.layers
    }


def check(mapping: NetworkMapping) -> None:
    """What holds of every answer: costs are those of evaluate, the mapping is in the space, the bound is below."""
    for layer in mapping.layers:
        cost = evaluate(
            layer.workload, layer.evaluation.architecture, layer.mapping, drain_reads=mapping.options.drain_reads
        )
        assert (cost.energy_pj, cost.cycles) == (layer.evaluation.energy_pj, layer.evaluation.cycles)
        assert layer.objective == mapping.options.objective.value(cost.energy_pj, cost.cycles)
        assert layer.bound <= layer.objective
        assert layer.gap == pytest.approx(1 - layer.bound / layer.objective, abs=1e-15)
        assert layer.finished == (layer.bound == layer.objective) or not layer.finished
        assert layer.space_size and layer.space_size >= 1


def cheapest(workload: Workload, architecture: Architecture, objective: str, **options: Any) -> float:
    """The least objective of all mappings of a space, one by one."""
    space, aim = MapSpace(workload, architecture, **options), objective_of(objective)
    least = math.inf
    for batch in space.enumerate():
        cost = evaluate_batch(workload, architecture, batch, padding=space.padding)
        values = [aim.value(e, c) for e, c in zip(np.array(cost.energy_pj), np.array(cost.cycles), strict=True)]
        least = min(least, *values)
    return least


# -- answers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
@pytest.mark.parametrize("options", [{}, {"padding": True}, {"cuts": "free"}])
def test_nothing_in_the_space_is_better(objective: str, options: dict[str, Any]) -> None:
    workload = gemm("small", M=3, N=2, K=4)
    found = al.map(workload, TWO_LEVELS, objective=objective, **options)
    check(found)
    assert found.finished and found.layers[0].gap == 0
    assert found.layers[0].objective == pytest.approx(cheapest(workload, TWO_LEVELS, objective, **options), rel=1e-12)


def test_a_workload_alone_is_a_network_of_one_layer() -> None:
    alone = al.map(conv(), MACHINE)
    assert alone.name == "conv"
    assert [layer.name for layer in alone.layers] == ["conv"]
    assert sums(alone) == sums(al.map(Network("net", (Layer(conv()),)), MACHINE))


def test_a_network() -> None:
    found = al.map(NETWORK, MACHINE, objective="edp")
    check(found)
    assert found.finished
    assert [(layer.name, layer.count) for layer in found.layers] == [("first", 1), ("second", 3), ("third", 1)]
    second = found.layer("second")
    assert isinstance(second, LayerMapping)
    assert second.cycles == 3 * second.evaluation.cycles
    assert second.priced >= 1
    assert second.cpu_s > 0
    assert second.steps[-1].objective == second.steps[-1].bound == second.objective
    with pytest.raises(InputError, match=r"no layer 'secnd' \(did you mean 'second'\?\)"):
        found.layer("secnd")


def test_ties_are_broken_by_the_other_figure() -> None:
    free = replace(MACHINE, levels=tuple(replace(m, read_pj=0.0, write_pj=0.0, update_pj=0.0) for m in MACHINE.levels))
    found = al.map(conv(), free, objective="energy")
    assert found.cycles == al.map(conv(), free, objective="latency").cycles


def test_weights() -> None:
    found = al.map(conv(), MACHINE, objective={"energy": 2.0, "latency": 100.0})
    check(found)
    assert found.layers[0].objective == 2.0 * found.energy_pj + 100.0 * found.cycles
    assert found.options.objective.name == "2 energy, 100 latency"


def test_drain_reads_cost_more() -> None:
    plain, drained = (al.map(conv(), MACHINE, objective="energy", drain_reads=drain) for drain in (False, True))
    check(drained)
    assert drained.energy_pj > plain.energy_pj


def test_constraints_are_kept() -> None:
    rules = LevelConstraints("GLB", x=(FactorRule("m", "=", 2),), y_dims=frozenset({"c"}))
    found = al.map(conv(), MACHINE, constraints=rules)
    check(found)
    nest = found.layers[0].mapping.by_level["GLB"]
    assert [str(loop) for loop in nest.x if loop.dim == "m"] == ["m2"]
    assert {loop.dim for loop in nest.y} <= {"c"}
    free = al.map(conv(), MACHINE)
    assert found.layers[0].objective >= free.layers[0].objective
    assert (found.layers[0].space_size or 0) < (free.layers[0].space_size or 0)


def test_rules_in_several_parts() -> None:
    """A permutation without a split leaves several tables of rules; the best is the best of all."""
    rules = LevelConstraints("GLB", spatial_order=("m", "c", "p", "r"))
    assert len(MapSpace(conv(), MACHINE, rules).parts) > 1
    found = al.map(conv(), MACHINE, constraints=rules)
    check(found)
    space = MapSpace(conv(), MACHINE, rules)
    assert space.contains(found.layers[0].mapping) is None
    for batch in [space.sample(2_000, seed=3)]:
        cost = evaluate_batch(conv(), MACHINE, batch)
        assert (np.array(cost.energy_pj) * np.array(cost.cycles)).min() >= found.layers[0].objective * (1 - 1e-12)


def test_what_files_say_is_taken_for_constraints(tmp_path: Path) -> None:
    from archloom.interop import timeloop

    zoo = al.load("eyeriss")
    assert zoo.architecture is not None
    layer = gemm("small", M=4, N=4, K=8)
    assert al.map(layer, zoo.architecture, constraints=zoo).finished
    text = timeloop.to_yaml(*_single_letters())
    rules = "mapspace_constraints:\n  targets:\n    - {target: GLB, type: spatial, factors: M=1 K=1}\n"
    (tmp_path / "all.yaml").write_text(text + rules)
    loaded = timeloop.load(str(tmp_path / "all.yaml"))
    found = al.map(loaded.workload, loaded.architecture, constraints=loaded)
    assert {loop.dim for nest in found.layers[0].mapping.levels for loop in (*nest.x, *nest.y)} <= {"N"}


def _single_letters() -> tuple[Workload, Architecture]:
    return einsum("O[M,N] += W[K,N] * I[M,K]", {"M": 4, "N": 4, "K": 8}), MACHINE


# -- each shape once -------------------------------------------------------------------------------------------------------


def test_equal_shapes_are_searched_once() -> None:
    """Layers whose shapes differ in names only: one search, two answers with their own names."""
    renamed = einsum("Z[x,y] += B[x,k,f] * A[k,y+f]", {"x": 4, "k": 4, "y": 6, "f": 3}, name="renamed")
    events: list[Event] = []
    found = al.map(Network("twins", (Layer(conv()), Layer(renamed))), MACHINE, cache=False, progress=events.append)
    check(found)
    assert [event.layers for event in events if isinstance(event, NetworkStarted)] == [("conv",)]
    one, two = found.layers
    assert one.objective == two.objective
    assert {loop.dim for nest in two.mapping.levels for loop in nest.loops()} <= {"x", "k", "y", "f"}


def test_answers_are_kept(tmp_path: Path) -> None:
    first = al.map(NETWORK, MACHINE, cache=tmp_path)
    events: list[Event] = []
    again = al.map(NETWORK, MACHINE, cache=str(tmp_path), progress=events.append)
    assert events == [NetworkStarted((), 3)]
    assert sums(first) == sums(again)
    assert [layer.mapping for layer in first.layers] == [layer.mapping for layer in again.layers]
    assert [layer.steps for layer in first.layers] == [layer.steps for layer in again.layers]
    assert all(layer.cached for layer in again.layers) and not any(layer.cached for layer in first.layers)
    assert [layer.cpu_s for layer in first.layers] == [layer.cpu_s for layer in again.layers]


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "energy"},
        {"padding": True},
        {"drain_reads": True},
        {"constraints": LevelConstraints("RF", bypass=frozenset({"W"}))},
    ],
)
def test_other_questions_are_asked_anew(tmp_path: Path, change: dict[str, Any]) -> None:
    al.map(conv(), MACHINE, cache=tmp_path)
    assert not al.map(conv(), MACHINE, cache=tmp_path, **change).layers[0].cached


def test_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLOOM_CACHE", str(tmp_path / "cache"))
    al.map(conv(), MACHINE, cache=False)
    assert not (tmp_path / "cache").exists()


def test_an_entry_that_does_not_cost_what_it_says_is_no_entry(tmp_path: Path) -> None:
    al.map(conv(), MACHINE, cache=tmp_path)
    cache = Cache(tmp_path)
    (path,) = tmp_path.rglob("*.json")
    key = path.parent.name + path.stem
    content = cache.load(key)
    assert content is not None
    for lie in ({"energy_pj": 1.0}, {"mapping": {"padding": False, "levels": []}}, {"mapping": 3}, {"surprise": 1}):
        cache.store(key, content | lie)
        found = al.map(conv(), MACHINE, cache=tmp_path)
        assert not found.layers[0].cached
        assert found.layers[0].objective == content["bound"]


# -- jobs, time, stopping --------------------------------------------------------------------------------------------------


def test_answers_do_not_depend_on_jobs() -> None:
    alone = al.map(NETWORK, MACHINE, cache=False)
    events: list[Event] = []
    beside = al.map(NETWORK, MACHINE, cache=False, jobs=2, progress=events.append)
    check(beside)
    assert sums(alone) == sums(beside)
    assert [layer.mapping for layer in alone.layers] == [layer.mapping for layer in beside.layers]
    assert sorted(event.layer for event in events if isinstance(event, LayerDone)) == ["first", "second", "third"]


def test_events() -> None:
    events: list[Event] = []
    found = al.map(NETWORK, MACHINE, progress=events.append, time_limit_s=60)
    assert events[0] == NetworkStarted(("first", "second", "third"), 0)
    started = [event for event in events if isinstance(event, LayerStarted)]
    done = [event for event in events if isinstance(event, LayerDone)]
    assert {event.layer for event in started} == {event.layer for event in done} == {"first", "second", "third"}
    assert all(event.limit_s and 0 < event.limit_s <= 60 for event in started)
    assert [event.remaining for event in done] == [2, 1, 0]
    for event in done:
        assert event.finished and event.objective == event.bound == found.layer(event.layer).objective
    for event in events:
        if isinstance(event, LayerStatus):
            assert event.bound <= event.objective
            assert 0 <= event.gap <= 1


LARGE = gemm("large", M=720, N=720, K=720)
FREE = Architecture(
    "free",
    (
        Memory("RF", 64 * 16, read_pj=1.0, write_pj=1.0, update_pj=1.0),
        Memory("GLB", 30_000 * 16, read_pj=9.0, write_pj=9.0, update_pj=9.0, read_bandwidth=7.0, fanout=Fanout(3, 5)),
        Memory("DRAM", read_pj=200.0, write_pj=200.0, update_pj=200.0, shared_bandwidth=2.0),
    ),
)
"""A search of minutes."""


def test_out_of_time_there_is_a_mapping_and_an_honest_gap(tmp_path: Path) -> None:
    began = time.monotonic()
    found = al.map(LARGE, FREE, time_limit_s=0.1, cache=tmp_path)
    assert time.monotonic() - began < 20
    check(found)
    layer = found.layers[0]
    assert not layer.finished and not found.finished
    assert 0 < layer.gap < 1
    again = al.map(LARGE, FREE, time_limit_s=0.1, cache=tmp_path).layers[0]
    assert not again.cached
    assert again.objective <= layer.objective
    assert again.bound >= layer.bound
    assert again.cpu_s > layer.cpu_s and again.priced >= layer.priced
    assert [step.elapsed_s for step in again.steps] == sorted(step.elapsed_s for step in again.steps)


def test_the_time_is_shared_out() -> None:
    layers = tuple(Layer(gemm(f"g{at}", M=2, N=2, K=2 * at)) for at in range(1, 5))
    events: list[Event] = []
    al.map(Network("easy and hard", (Layer(LARGE), *layers)), FREE, time_limit_s=3, progress=events.append, cache=False)
    started = {event.layer: event.limit_s or 0.0 for event in reversed(events) if isinstance(event, LayerStarted)}
    order = [event.layer for event in events if isinstance(event, LayerStarted)]
    assert order.index("large") == 4, "the hard one comes last, and has what the others left"
    assert started["g1"] == pytest.approx(3 / 5, abs=0.3)


def test_stopping() -> None:
    """Once stopped, layers that were not begun have no mapping, and the error has the others."""
    stop = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, LayerDone):
            stop.set()

    with pytest.raises(NoMappingError) as caught:
        al.map(NETWORK, MACHINE, stop=stop, progress=listen)
    assert caught.value.mapping is not None
    assert [layer.name for layer in caught.value.mapping.layers] == ["first"]
    missing = [(layer.name, layer.missing) for layer in caught.value.unmapped]
    assert missing == [("second", Missing.NOT_SEARCHED), ("third", Missing.NOT_SEARCHED)]
    assert str(caught.value) == "layers 'second', 'third': the search was stopped before it"
    assert not caught.value.mapping.finished


def test_stopping_while_it_runs() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    found = al.map(LARGE, FREE, stop=stop, cache=False)
    assert not found.finished
    check(found)
    assert time.monotonic() - began < 20


# -- nothing fits ----------------------------------------------------------------------------------------------------------


def test_layers_without_a_mapping_are_named_all_at_once() -> None:
    tight = MACHINE.with_level("GLB", size_bits=2 * 16)
    with pytest.raises(InfeasibleError) as caught:
        al.map(NETWORK, tight)
    assert isinstance(caught.value, NoMappingError)
    assert caught.value.mapping is None
    assert caught.value.exit_code == 1
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "layer 'first': level 'GLB' is too small: even the smallest tiles it has to hold need 48 bits "
        "(W 1 words x 16 bits, I 1 words x 16 bits, O 1 words x 16 bits), but only 32 bits are usable"
    )
    assert lines[1].startswith("layers 'second', 'third': level 'GLB' is too small")
    assert all(layer.missing is Missing.NONE_EXISTS for layer in caught.value.unmapped)


def test_the_other_layers_are_mapped() -> None:
    rules = LevelConstraints("GLB", x=(FactorRule("p", "=", 3),), strict=False)
    nine = Network("some", (Layer(conv("six")), Layer(conv("seven", p=7))))
    with pytest.raises(NoMappingError) as caught:
        al.map(nine, MACHINE, constraints=rules)
    assert caught.value.mapping is not None
    check(caught.value.mapping)
    assert [layer.name for layer in caught.value.mapping.layers] == ["six"]
    assert [layer.name for layer in caught.value.mapping.unmapped] == ["seven"]
    assert str(caught.value).startswith("layer 'seven': the rules leave no factors for p=7: 3 across at GLB")


def test_what_would_help() -> None:
    """Each tile alone fits, but not together with what the constraints put there."""
    rules = [
        LevelConstraints("RF", keep=frozenset({"all"}), temporal=(FactorRule("m", "=", 4),), order_inner=("m",)),
        LevelConstraints("GLB", temporal=(FactorRule("p", ">=", 2),)),
    ]
    tight = MACHINE.with_level("GLB", size_bits=21 * 16)
    with pytest.raises(NoMappingError) as caught:
        al.map(conv(), tight, constraints=rules)
    assert "'RF'" in str(caught.value) or "'GLB'" in str(caught.value)


def test_that_there_is_none_is_kept_too(tmp_path: Path) -> None:
    tight = MACHINE.with_level("GLB", size_bits=2 * 16)
    messages: list[str] = []
    events: list[Event] = []
    for _ in range(2):
        with pytest.raises(NoMappingError) as caught:
            al.map(conv(), tight, cache=tmp_path, progress=events.append)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert events[-1] == NetworkStarted((), 1)
    reasons = [event.reason for event in events if isinstance(event, LayerDone)]
    assert len(reasons) == 1 and "too small" in reasons[0]


# -- other strategies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "annealing", "genetic", "hill-climbing", RandomSearch(batch=64)])
def test_strategies_that_do_not_prove(strategy: Any, tmp_path: Path) -> None:
    best = al.map(conv(), MACHINE)
    found = al.map(conv(), MACHINE, strategy=strategy, evaluations=500, seed=1, cache=tmp_path)
    check(found)
    assert found.layers[0].priced == 500
    assert found.layers[0].objective >= best.layers[0].objective
    assert found.layers[0].bound <= best.layers[0].objective
    assert not tmp_path.joinpath("drafts").exists(), "only proofs are kept"
    again = al.map(conv(), MACHINE, strategy=strategy, evaluations=500, seed=1)
    assert sums(found) == sums(again)
    assert found.options.strategy == (strategy if isinstance(strategy, str) else "RandomSearch")


# -- bad input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": "edb"}, r"unknown objective 'edb' \(did you mean 'edp'\?\)"),
        ({"objective": {"power": 1}}, "the objective weight 'power': 1 is not one of energy, latency"),
        ({"cuts": "freee"}, r"unknown cuts 'freee' \(did you mean 'free'\?\)"),
        ({"strategy": "exakt"}, r"unknown strategy 'exakt' \(did you mean 'exact'\?\)"),
        ({"time_limit_s": 0}, "the time limit is 0; expected seconds, more than 0"),
        ({"time_limit_s": math.nan}, "the time limit is nan"),
        ({"jobs": 0}, "jobs is 0; expected a whole number, at least 1"),
        ({"constraints": 3}, "cannot read constraints from int"),
        ({"constraints": LevelConstraints("GBL")}, r"the level 'GBL', .* \(did you mean 'GLB'\?\)"),
        ({"network": "resnet18"}, r"cannot map str \(expected a Network or a Workload; see load_network\)"),
        ({"architecture": "eyeriss"}, r"cannot map onto str \(expected an Architecture; see load_architecture\)"),
    ],
)
def test_bad_input(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        al.map(**{"network": conv(), "architecture": MACHINE, **change})


def test_faults_of_all_layers_are_named_once() -> None:
    rules = LevelConstraints("GLB", temporal=(FactorRule("q", "=", 2),))
    with pytest.raises(InputError) as caught:
        al.map(NETWORK, MACHINE, constraints=rules)
    assert len(caught.value.faults) == 3
    with pytest.raises(InputError) as caught:
        al.map(NETWORK, MACHINE, constraints=LevelConstraints("nowhere"))
    assert len(caught.value.faults) == 1


# -- killed at any moment --------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import archloom as al
from archloom.spec import to_yaml
from archloom.workload.layers import gemm
from archloom.workload.network import Layer, Network

net = Network("many", tuple(Layer(gemm(f"g{k}", M=6, N=8, K=k)) for k in (4, 6, 8, 9, 10, 12, 14, 15, 16, 18)))
if __name__ == "__main__":
    machine = al.load_architecture("small.yaml")
    jobs = int(sys.argv[1])
    found = al.map(net, machine, jobs=jobs, progress=lambda event: print(type(event).__name__, flush=True))
    print(*(repr((layer.objective, layer.bound, to_yaml(layer.mapping))) for layer in found.layers), sep="\\n")
"""
LAYERS = 10


@contextlib.contextmanager
def script(folder: Path, cache: Path, jobs: int) -> Iterator[subprocess.Popen[str]]:
    """The script in a process of its own, which does not outlive the test."""
    (folder / "script.py").write_text(SCRIPT)
    (folder / "small.yaml").write_text(to_yaml(MACHINE))
    environment = {**os.environ, "ARCHLOOM_CACHE": str(cache)}
    command = [sys.executable, "script.py", str(jobs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        try:
            yield process
        finally:
            process.kill()


def printed(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """How many layers were searched, and what was found."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.count("LayerDone"), [line for line in out.splitlines() if line.startswith("(")]


def test_killed_and_run_again(tmp_path: Path) -> None:
    """Killed after a few layers, the next run begins where this one was, and ends with the same answers."""
    with script(tmp_path, tmp_path / "one", 1) as process:
        searched, undisturbed = printed(process)
        assert searched == len(undisturbed) == LAYERS
    cache = tmp_path / "two"
    with script(tmp_path, cache, 1) as process:
        assert process.stdout
        done = 0
        while done < 3:
            done += process.stdout.readline().startswith("LayerDone")
        os.kill(process.pid, signal.SIGKILL)
    kept = len(list(cache.rglob("*.json")))
    assert 3 <= kept < LAYERS
    with script(tmp_path, cache, 1) as process:
        assert printed(process) == (LAYERS - kept, undisturbed)


def test_two_processes_share_a_cache(tmp_path: Path) -> None:
    with script(tmp_path, tmp_path / "shared", 1) as one, script(tmp_path, tmp_path / "shared", 2) as two:
        assert printed(one)[1] == printed(two)[1]
    assert len(list(tmp_path.rglob("shared/**/*.json"))) == LAYERS


def test_a_script_without_a_main_guard_is_told(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    (tmp_path / "small.yaml").write_text(to_yaml(MACHINE))
    process = subprocess.run(
        [sys.executable, "script.py", "2"], capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path
    )
    assert process.returncode == 1
    assert "a script without `if __name__ == '__main__':`" in process.stderr
