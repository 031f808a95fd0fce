"""Imports go down the floors of the house and never up, no two modules import each other, and the doors stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "archloom"

FLOORS = (
    {"errors", "display"},
    {"workload", "technology"},
    {"architecture"},
    {"mapping"},
    {"model"},
    {"mapspace"},
    {"search"},
    {"exploration"},
)
"""A room may import from its own floor and from those before it."""

CORE = set().union(*FLOORS[:6])
EDGES = {"spec": CORE | {"interop"}, "interop": CORE | {"spec"}}
"""Beside the floors: they read and write files for the core, and know nothing of searching."""

TOP = {"report", "cli", "__main__"}
"""They may know everything, the package's own names too, and nothing knows them."""

HEAVY = [
    "numpy",
    "jax",
    "scipy",
    "pandas",
    "polars",
    "numba",
    "plotly",
    "matplotlib",
    "onnx",
    "torch",
    "yaml",
    "pydantic",
    "jinja2",
]
"""What neither `archloom --help` nor `import archloom` may load."""


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    """The folder or file directly under the package; the package itself is the empty room."""
    return module.split(".")[1] if "." in module else ""


@cache
def imports_of(module: str) -> dict[str, int]:
    """Our own modules that `module` imports anywhere in its text, functions included, with the line."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module}:{node.lineno}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if names[1] in MODULES:  # `from package import module` asks for the module, not for the package's names
                names = names[1:]
        else:
            continue
        for name in names:
            if name in MODULES and name != module:
                found.setdefault(name, node.lineno)
    return found


def allowed_rooms(room: str) -> set[str]:
    if room in TOP:
        return set().union(*FLOORS, EDGES, TOP, {""})
    if room in EDGES:
        return EDGES[room] | {room}
    for height, floor in enumerate(FLOORS):
        if room in floor:
            # a design is an architecture file with other values in it, so exploring reads files as a user would
            return set().union(*FLOORS[: height + 1], {"spec"} if room == "exploration" else set())
    raise AssertionError(f"the room {room!r} has no floor yet: give it one in {__file__}")


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module)])
def test_imports_go_down(module: str) -> None:
    allowed = allowed_rooms(room_of(module))
    wrong = [f"line {line}: {name}" for name, line in imports_of(module).items() if room_of(name) not in allowed]
    assert not wrong, f"{module} imports from above, or from a room it may not know"


def test_no_module_cycles() -> None:
    # The package itself is left out: it only hands names through, lazily, and no module imports it (test above).
    graph = {module: list(imports_of(module)) for module in MODULES if room_of(module)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("modules import each other: " + " <- ".join(error.args[1]))


def test_the_oracle_shares_nothing_with_the_model() -> None:
    oracle = "archloom.model.simulate"
    shared = [name for name in imports_of(oracle) if room_of(name) == "model"]
    assert not shared, "the brute-force simulator has to be independent of what it checks"


def test_every_folder_is_a_package() -> None:
    folders = {path.parent for path in MODULES.values()}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_every_data_file_is_installed() -> None:
    settings = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["archloom"]
    installed = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    files = {
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".md") and "__pycache__" not in path.parts
    }
    assert not [str(path) for path in files - installed]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    assert ast.get_docstring(tree), "no docstring"
    if MODULES[module].name not in ("__init__.py", "__main__.py"):
        names = {target.id for node in tree.body for target in targets_of(node)}
        assert "__all__" in names, "no __all__"


def targets_of(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("module", [module for module, path in MODULES.items() if path.name == "__init__.py"])
def test_package_files_list_names_and_nothing_else(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    if module == "archloom":
        return  # loads its names lazily, which takes a function
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.With, ast.Try)
    assert not [f"line {node.lineno}" for node in tree.body if isinstance(node, definitions)]


@pytest.mark.parametrize("statement", ["import archloom", "from archloom.cli.main import main; main()"])
def test_the_doors_are_light(statement: str) -> None:
    code = f"""
import sys
sys.argv = ["archloom", "--help"]
try:
    {statement}
except SystemExit as stop:
    assert not stop.code, stop.code
print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
