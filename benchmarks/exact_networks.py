"""How fast the best mapping of every distinct layer of a network is found and proven, on machines of the zoo with their rules.

Prints a table per network and machine: size of the mapspace, mappings priced, CPU-seconds, gap. Nothing comes from the cache.

    python benchmarks/exact_networks.py                                    # four networks on three machines
    python benchmarks/exact_networks.py --network resnet50 --machine eyeriss --objective energy --limit 60
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from machines import machine_name

import archloom as al
from archloom.report.mapping_terminal import gap_words, space_text
from archloom.search.network_mapping import NoMappingError

NETWORKS = ("resnet50", "vgg16", "mobilenet_v2", "bert_base")
MACHINES = ("eyeriss", "simba_like", "tpu_like")


@dataclass(frozen=True)
class Row:
    """One layer: what it took, and what is proven."""

    network: str
    machine: str
    objective: str
    layer: str
    count: int
    macs: int
    value: float
    utilization: float
    bound_by: str
    gap: float
    finished: bool
    space: str
    priced: int
    cpu_s: float
    wall_s: float


def rows_of(network: str, machine: str, objective: str, limit_s: float, *, constraints: bool) -> list[Row]:
    spec = al.load(machine)
    assert spec.architecture is not None
    rows: list[Row] = []
    for layer in al.load_network(network).layers:
        began = time.perf_counter()
        try:
            found = al.map(
                layer.workload,
                spec.architecture,
                objective=objective,
                constraints=spec if constraints else None,
                time_limit_s=limit_s,
                cache=False,
            ).layers[0]
        except NoMappingError as error:
            print(f"{layer.name:24s} {error}")
            continue
        wall_s = time.perf_counter() - began
        cost = found.evaluation
        rows.append(
            Row(
                network,
                machine,
                objective,
                layer.name,
                layer.count,
                layer.workload.macs,
                found.objective,
                cost.utilization,
                cost.bound_by,
                found.gap,
                found.finished,
                str(found.space_size),
                found.priced,
                found.cpu_s,
                wall_s,
            )
        )
        show(rows[-1])
    return rows


def show(row: Row) -> None:
    gap = "0" if row.finished else gap_words(row.gap)
    print(
        f"{row.layer:24s} {row.count:3d} {row.value:11.4e} {100 * row.utilization:5.0f} % {row.bound_by[:13]:13s}"
        f" {gap:>8s} {space_text(int(row.space)):>6s} {row.priced:9,d} {row.cpu_s:8.2f} {row.wall_s:8.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help="a network of the zoo, may be repeated")
    parser.add_argument("--machine", action="append", help="a machine of the zoo or a file, may be repeated")
    parser.add_argument(
        "--objective", action="append", help="edp (the default), energy, latency, ed2p; may be repeated"
    )
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per layer")
    parser.add_argument("--no-constraints", action="store_true", help="without the machines' own rules")
    parser.add_argument("--json", type=Path, help="also write all rows into this file")
    given = parser.parse_args()
    print(machine_name())
    rows: list[Row] = []
    for network in given.network or NETWORKS:
        for machine in given.machine or MACHINES:
            for objective in given.objective or ["edp"]:
                print(f"\n{network} on {machine}, {objective}")
                print(
                    f"{'layer':24s} {'n':>3s} {objective:>11s} {'util':>7s} {'bound by':13s} {'gap':>8s} {'space':>6s}"
                    f" {'priced':>9s} {'CPU s':>8s} {'wall s':>8s}"
                )
                found = rows_of(network, machine, objective, given.limit, constraints=not given.no_constraints)
                rows += found
                proven = sum(row.finished for row in found)
                print(
                    f"{len(found)} layers, {proven} proven; {sum(row.cpu_s for row in found):.1f} CPU-s,"
                    f" {sum(row.wall_s for row in found):.1f} s; slowest {max(row.cpu_s for row in found):.1f} CPU-s"
                )
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
