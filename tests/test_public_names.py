"""What `import archloom` offers: every name is there, where the type checker thinks it is, and loads only when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import archloom

TREE = ast.parse(Path(archloom.__file__).read_text("utf-8"))


def test_every_name_is_there() -> None:
    for name in archloom.__all__:
        assert getattr(archloom, name) is not None
    assert set(archloom.__all__) <= set(dir(archloom))
    wanted = (
        "evaluate evaluate_batch load_network load_architecture load Workload einsum Architecture Memory Fanout Compute "
        "Mapping LevelNest Loop Evaluation Network InputError InfeasibleError __version__"
    )
    assert set(wanted.split()) <= set(archloom.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'archloom' has no attribute 'evalute'"):
        _ = archloom.evalute  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_homes() -> None:
    (block,) = [node for node in TREE.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    seen = {node.module: tuple(a.name for a in node.names) for node in imports if "archloom" in str(node.module)}
    assert seen == archloom._HOMES
    assert sorted(name for names in seen.values() for name in names) == sorted(set(archloom.__all__) - {"__version__"})


def test_importing_loads_nothing_else() -> None:
    code = "import sys; import archloom; print(*[m for m in sys.modules if m.startswith('archloom')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["archloom", "archloom.display"] or sorted(done.stdout.split()) == [
        "archloom",
        "archloom.display",
    ]
