import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archloom.errors import InputError
from archloom.exploration.metrics import METRICS, STATIC, Chips, metrics_of, why_unknown
from archloom.exploration.suite import Suite
from archloom.workload.einsum import einsum
from archloom.workload.network import Layer, Network


def gemm(m, n, k, name="gemm"):
    return einsum("O[m,n] += W[m,k] * I[k,n]", {"m": m, "n": n, "k": k}, name=name)


def network(name, *layers):
    return Network(name, tuple(Layer(work, count=count) for work, count in layers))


def chips(rows=1, *, pes=4.0, clock=2e9, area=3e6, bits=81920.0):
    return Chips(*(np.full(rows, value, float) for value in (pes, clock, area, bits)))


ONE = Suite((network("one", (gemm(4, 4, 8), 3), (gemm(2, 2, 2), 1)),))
TWO = Suite((network("a", (gemm(4, 4, 8), 1)), network("b", (gemm(4, 4, 8), 2), (gemm(8, 8, 8), 1))), (1.0, 3.0))


def test_every_figure_by_hand() -> None:
    # 3 x 128 + 8 = 392 MACs, 3 x 16 + 4 = 52 outputs; 1000 pJ in 200 cycles at 2 GHz = 100 ns
    found = metrics_of(ONE, chips(), np.array([[1000.0]]), np.array([[200.0]]))
    expected = {
        "energy_pj": 1000.0,
        "energy_uj": 1e-3,
        "cycles": 200.0,
        "latency_s": 1e-7,
        "edp": 2e5,
        "ed2p": 4e7,
        "edp_js": 1e-16,
        "ed2p_js2": 1e-23,
        "macs": 392.0,
        "utilization": 392 / 800,
        "throughput": 1.96,
        "flops_per_cycle": (784 - 52) / 200,
        "gflops": (784 - 52) / 100,
        "power_mw": 10.0,  # 1 nJ in 100 ns is 10 mW
        "area_mm2": 3.0,
        "throughput_per_area": 1.96 / 3,
        "pes": 4.0,
        "onchip_kib": 10.0,
    }
    assert found.keys() == expected.keys() == METRICS.keys() - {"gap"}
    for name, value in expected.items():
        assert found[name].shape == (1,)
        assert found[name][0] == pytest.approx(value, rel=1e-12), name


def test_gflops_of_the_published_eyeriss_case() -> None:
    """VGG-16 conv1_1 on 168 PEs: 188.44 GFLOPs at 1 GHz in 903,168 cycles, 282.67 in 602,112; utilisation 57.14 and 85.71 %."""
    bounds = {"M": 64, "C": 3, "P": 224, "Q": 224, "R": 3, "S": 3}
    layer = einsum("O[M,P,Q] += W[M,C,R,S] * I[C,P+R,Q+S]", bounds)
    suite = Suite((Network("vgg", (Layer(layer),)),))
    cycles = np.array([[903168.0], [602112.0]])
    found = metrics_of(suite, chips(2, pes=168, clock=1e9), np.ones((2, 1)), cycles)
    assert found["gflops"].round(2).tolist() == [188.44, 282.67]
    assert (100 * found["utilization"]).round(2).tolist() == [57.14, 85.71]
    assert np.array_equal(found["gflops"], found["flops_per_cycle"])


def test_what_is_not_known_is_nan_and_says_why() -> None:
    found = metrics_of(ONE, chips(clock=np.nan, area=0), np.array([[1000.0]]), np.array([[200.0]]))
    unknown = {name for name, value in found.items() if np.isnan(value[0])}
    clocked = {"latency_s", "edp_js", "ed2p_js2", "gflops", "power_mw"}
    assert unknown == clocked | {"area_mm2", "throughput_per_area"}
    assert why_unknown("power_mw", found, 0) == "the machine has no clock"
    assert why_unknown("area_mm2", found, 0) == "no component of the machine has an area"
    assert set(STATIC) <= METRICS.keys()


def test_layers_that_are_alike_are_one() -> None:
    assert [work.bounds["m"] for work in TWO.layers] == [4, 8]
    assert TWO.members == (((0, 1),), ((0, 2), (1, 1)))
    assert TWO.layer_names == ("a: gemm", "b: gemm")
    assert TWO.total(np.array([[5.0, 7.0]])).tolist() == [[5.0, 17.0]]
    assert TWO.macs == (128, 768)
    assert TWO.outputs == (16, 96)


def test_networks_of_one_name_have_names_of_their_own() -> None:
    suite = Suite((ONE.networks[0], ONE.networks[0], TWO.networks[0]))
    assert suite.names == ("one", "one#2", "a")


def test_the_mean_is_of_each_figure_and_the_chip_counts_once() -> None:
    energy, cycles = np.array([[100.0, 400.0]]), np.array([[64.0, 256.0]])
    found = metrics_of(TWO, chips(), energy, cycles)
    assert found["energy_pj"][0] == pytest.approx((100 * 400**3) ** 0.25)
    assert found["edp"][0] == pytest.approx((6400 * 102400**3) ** 0.25)
    assert found["area_mm2"][0] == 3.0
    assert found["pes"][0] == 4.0
    arithmetic = metrics_of(Suite(TWO.networks, TWO.weights, "arithmetic"), chips(), energy, cycles)
    assert arithmetic["energy_pj"][0] == pytest.approx((100 + 3 * 400) / 4)
    assert arithmetic["edp"][0] == pytest.approx((6400 + 3 * 102400) / 4)
    assert arithmetic["utilization"][0] == pytest.approx((128 / 256 + 3 * 768 / 1024) / 4)
    assert arithmetic["area_mm2"][0] == 3.0


@given(st.lists(st.tuples(st.floats(1e-3, 1e12), st.floats(0.01, 100)), min_size=1, max_size=5))
def test_means_lie_between_the_extremes_and_geometric_is_no_larger(pairs) -> None:
    networks = tuple(network(f"n{k}", (gemm(2, 2, 2 + k), 1)) for k in range(len(pairs)))
    values = np.array([[value for value, _ in pairs]])
    weights = tuple(weight for _, weight in pairs)
    geometric, arithmetic = (
        float(Suite(networks, weights, mean).average(values)[0]) for mean in ("geometric", "arithmetic")
    )
    slack = 1e-9
    assert values.min() * (1 - slack) <= geometric <= arithmetic * (1 + slack)
    assert arithmetic <= values.max() * (1 + slack)


@given(st.lists(st.floats(1e-3, 1e9), min_size=2, max_size=4), st.floats(1e-3, 1e3))
def test_the_geometric_mean_scales_and_splits(values, factor) -> None:
    networks = tuple(network(f"n{k}", (gemm(2, 2, 2 + k), 1)) for k in range(len(values)))
    suite, row = Suite(networks), np.array([values])
    mean = suite.average(row)[0]
    assert suite.average(row * factor)[0] == pytest.approx(mean * factor)
    assert suite.average(row * row)[0] == pytest.approx(mean**2)  # so the mean of EDPs is the EDP of the means


@given(st.integers(2, 4), st.data())
def test_equal_networks_weigh_as_one(many, data) -> None:
    value = data.draw(st.floats(1e-6, 1e15))
    weights = tuple(data.draw(st.lists(st.floats(0.1, 10), min_size=many, max_size=many)))
    for mean in ("geometric", "arithmetic"):
        suite = Suite(ONE.networks * many, weights, mean)
        assert suite.average(np.full((1, many), value))[0] == pytest.approx(value)


def test_means_of_zero_and_infinity() -> None:
    geometric, arithmetic = TWO, Suite(TWO.networks, TWO.weights, "arithmetic")
    values = np.array([[0.0, 4.0], [1.0, math.inf], [math.nan, 1.0], [-1.0, 1.0]])
    assert geometric.average(values)[:2].tolist() == [0.0, math.inf]
    assert np.isnan(geometric.average(values)[2:]).all()
    assert arithmetic.average(values).tolist()[:2] == [3.0, math.inf]
    assert np.isnan(arithmetic.average(values)[2])


def test_totals_are_rounded_once() -> None:
    suite = Suite((network("n", (gemm(2, 2, 2), 1), (gemm(2, 2, 4), 1), (gemm(2, 2, 8), 1)),))
    assert suite.total(np.array([[1e17, 1.0, -1e17]])).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("networks", "weights", "mean", "message"),
    [
        ((), (), "geometric", "no network is given; expected at least one"),
        (TWO.networks, (1.0,), "geometric", "1 weights are given for 2 networks"),
        (TWO.networks, (1.0, 0.0), "geometric", "the weight of 'b' is 0.0; expected more than 0"),
        (TWO.networks, (), "arithmetc", "unknown mean 'arithmetc' (did you mean 'arithmetic'?)"),
    ],
)
def test_faults_of_a_suite(networks, weights, mean, message) -> None:
    with pytest.raises(InputError) as error:
        Suite(networks, weights, mean)
    assert str(error.value) == message
