"""A design as a file of its own, ready for `archloom map --arch`: the base machine's file with the design's values in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archloom.errors import Place
from archloom.exploration.request import Request
from archloom.spec.paths import set_value
from archloom.spec.plain_yaml import plain_yaml

__all__ = ["design_yaml"]

WIDTH = 140


def design_yaml(request: Request, design: NDArray[np.int64] | None, *, title: str = "") -> str:
    """The file of one design (None: of the base machine), with all sections of the base machine's file, comments apart.

    `title` becomes a comment on top.
    """
    document = request.document
    for path, value in ({} if design is None else request.space.settings(design)).items():
        document = set_value(document, path, value, Place(path))
    head = "".join(f"# {line}\n" for line in title.splitlines())
    return head + plain_yaml(document, width=WIDTH)
