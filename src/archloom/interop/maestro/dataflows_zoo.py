"""The stock dataflows: those of MAESTRO's own mapping files and of the papers around it, by name."""

from __future__ import annotations

from archloom.errors import InputError, did_you_mean
from archloom.interop.maestro.dataflows import Dataflow, across, cluster, steps, whole, window
from archloom.interop.maestro.network import LayerType, Map

__all__ = ["DATAFLOWS", "dataflow"]

FILTER = whole("R", "S")
PIXEL = (window("Y"), window("X"))
"""One output pixel: the filter's window, moved by one."""
SPATIAL = Map.SPATIAL

CONV, DSCONV, GEMM = LayerType.CONV, LayerType.DSCONV, LayerType.GEMM

DATAFLOWS: dict[str, Dataflow] = {
    flow.name: flow
    for flow in (
        Dataflow(
            "kc-p",
            ("nvdla", "dla", "kcp-ws"),
            "filters over clusters of 64 PEs, input channels inside them; weights stay",
            "NVDLA-like: MAESTRO's kcp_ws files, KC-P of its paper",
            {
                CONV: (across("K"), steps("C", 64), *FILTER, *PIXEL, cluster(64), across("C"), *PIXEL, *FILTER),
                DSCONV: (across("C"), *PIXEL, *FILTER),
            },
        ),
        Dataflow(
            "yr-p",
            ("eyeriss", "eye", "rs", "row-stationary"),
            "output rows over clusters as high as the filter, a filter row and an input row on the diagonal of each; rows stay",
            "Eyeriss-like: MAESTRO's rs files, YR-P of its paper",
            {
                CONV: (
                    *(across("Y'"), steps("X'"), steps("C"), steps("K", 16), *FILTER),
                    *(cluster("R"), across("Y"), across("R"), *whole("S")),
                ),
                DSCONV: (
                    *(across("Y'"), steps("X'"), steps("C"), *FILTER),
                    *(cluster("R"), across("Y"), across("R"), *whole("S")),
                ),
            },
        ),
        Dataflow(
            "yx-p",
            ("shidiannao", "shi", "yxp-os"),
            "output rows over clusters of 8 PEs, output columns inside them; outputs stay",
            "ShiDianNao-like: MAESTRO's yxp_os files, YX-P of its paper",
            {
                CONV: (
                    *(steps("K"), steps("C"), window("Y", kind=SPATIAL), window("X", 8), *FILTER),
                    *(cluster(8), window("X", kind=SPATIAL)),
                ),
                DSCONV: (
                    *(steps("C"), window("Y", kind=SPATIAL), window("X", 8), *FILTER),
                    *(cluster(8), window("X", kind=SPATIAL)),
                ),
            },
        ),
        Dataflow(
            "x-p",
            ("xp-ws",),
            "output columns over the PEs; weights stay",
            "MAESTRO's xp_ws files, X-P of its paper",
            {
                CONV: (steps("K"), steps("C"), window("Y"), window("X", kind=SPATIAL), *FILTER),
                DSCONV: (steps("C"), window("Y"), window("X", kind=SPATIAL), *FILTER),
            },
        ),
        Dataflow(
            "c-p",
            ("nlr", "no-local-reuse"),
            "input channels over the PEs, summed up across them; nothing stays",
            "MAESTRO's nlr files, C-P of its paper",
            {
                CONV: (steps("K"), *PIXEL, *FILTER, across("C")),
                DSCONV: (*PIXEL, *FILTER, across("C")),
            },
        ),
        Dataflow(
            "yk-p",
            ("ykp-os",),
            "output rows over clusters of 16 PEs, filters inside them; outputs stay",
            "MAESTRO's ykp_os files (with R and S whole, which its reader asks for)",
            {
                CONV: (
                    *(steps("K", 16), window("Y", kind=SPATIAL), window("X"), steps("C"), *FILTER),
                    *(cluster(16), across("K"), *PIXEL, *FILTER),
                ),
                DSCONV: (
                    *(steps("C", 16), window("Y", kind=SPATIAL), window("X"), *FILTER),
                    *(cluster(16), across("C"), *PIXEL, *FILTER),
                ),
            },
        ),
        Dataflow(
            "ck-p",
            ("ckp-ws",),
            "input channels over clusters of 64 PEs, filters inside them; weights stay",
            "MAESTRO's ckp_ws file",
            {
                CONV: (
                    *(across("C"), steps("K", 64), *FILTER, steps("Y'"), steps("X'")),
                    *(cluster(64), across("K"), *FILTER),
                ),
                DSCONV: (across("C"), *FILTER, steps("Y'"), steps("X'")),
            },
        ),
        Dataflow(
            "maeri",
            (),
            "filters over the multipliers, each filter laid out over as many as it has weights per channel",
            "MAERI-like: MAESTRO's maeri file",
            {
                CONV: (
                    *(steps("C"), across("K"), steps("Y'"), steps("X'"), *FILTER),
                    *(cluster("R"), across("Y"), across("R")),
                    *(cluster("S"), across("X"), across("S")),
                ),
                DSCONV: (
                    *(across("C"), steps("Y'"), steps("X'"), *FILTER),
                    *(cluster("R"), across("Y"), across("R")),
                    *(cluster("S"), across("X"), across("S")),
                ),
            },
        ),
        Dataflow(
            "shi8",
            ("shi-tiled",),
            "as yx-p, in tiles of 4 filters and 2 input channels",
            "ShiDianNao-like, as ConfuciuX has it",
            {
                CONV: (
                    *(steps("K", 4), across("Y'"), steps("X'", 8), steps("C", 2), *FILTER),
                    *(cluster(8), steps("C"), steps("Y'"), across("X'"), *FILTER),
                ),
                DSCONV: (
                    *(across("Y'"), steps("X'", 8), steps("C", 2), *FILTER),
                    *(cluster(8), steps("C"), steps("Y'"), across("X'"), *FILTER),
                ),
            },
        ),
        Dataflow(
            "y-p",
            ("yp-os",),
            "output rows over the PEs; outputs stay",
            "Y-P of MAESTRO's paper",
            {
                CONV: (steps("K"), window("Y", kind=SPATIAL), window("X"), steps("C"), *FILTER),
                DSCONV: (steps("C"), window("Y", kind=SPATIAL), window("X"), *FILTER),
            },
        ),
        Dataflow(
            "nmk",
            ("mk-p",),
            "for matrix products: rows over clusters of 16 PEs, the inner dimension inside them, summed up across them",
            "MAESTRO's nmk files, with clusters of 16 instead of 100",
            {
                GEMM: (
                    *(steps("N"), across("M"), steps("K", 16)),
                    *(cluster(16), steps("N"), steps("M"), across("K")),
                )
            },
        ),
        Dataflow(
            "nk-p",
            ("tpu", "systolic"),
            "for matrix products: tiles of 16 columns over clusters of 16 PEs, the inner dimension inside them; weights stay",
            "TPU-like, with arrays of 16 x 16",
            {GEMM: (across("N", 16), steps("K", 16), steps("M"), cluster(16), across("K"), steps("N", 16))},
        ),
        Dataflow(
            "nm-p",
            (),
            "for matrix products: columns over clusters of 8 PEs, rows inside them; outputs stay while 32 products add up",
            "no file of MAESTRO: outputs stay, both operands in tiles",
            {
                GEMM: (
                    *(across("N", 4), steps("M", 8), steps("K", 32)),
                    *(cluster(8), across("M"), steps("N", 4), steps("K", 4)),
                )
            },
        ),
    )
}


def dataflow(name: str) -> Dataflow:
    """A stock dataflow by its name or another name of it; case, and whether `-`, `_` or nothing joins, do not matter.

    Raises InputError with the nearest name.

    >>> dataflow("KCP_WS").name
    'kc-p'
    """
    names = {plain(other): flow for flow in DATAFLOWS.values() for other in (flow.name, *flow.aliases)}
    if plain(name) not in names:
        every = [other for flow in DATAFLOWS.values() for other in (flow.name, *flow.aliases)]
        raise InputError(f"there is no dataflow {name!r}", hint=did_you_mean(name, every))
    return names[plain(name)]


def plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")
