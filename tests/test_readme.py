"""The README and the pages of the docs, followed as a reader would: files written, commands run, Python typed.

On a page, top to bottom, in an empty folder that has only `examples/` beside it:

- a block with a title is a file of that name;
- a `bash` block is run; a `text` block right after it is what it prints (`...` stands for anything);
- a `python` block is run, or with `>>>` prompts compared as a doctest, all in one session;
- a `yaml` or `json` block without a title is parsed;
- `<!-- test: skip -->` on the line before a block leaves it out.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = sorted((ROOT / "examples").rglob("*.py"))

FENCE = re.compile(
    r"^(?P<indent>[ ]*)(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=ticks)[ ]*$", re.M | re.S
)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    body: str
    line: int
    skipped: bool


def blocks_of(text: str) -> list[Block]:
    found: list[Block] = []
    for match in FENCE.finditer(text):
        body = re.sub(f"^{match['indent']}", "", match["body"], flags=re.M)
        title = re.search(r'title="([^"]+)"', match["info"])
        before = text[: match.start()].rstrip("\n").rpartition("\n")[2].strip()
        language = match["info"].split()[0] if match["info"].strip() else ""
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(language, title and title[1], body, line, before == "<!-- test: skip -->"))
    return found


def environment() -> dict[str, str]:
    drop = {"FORCE_COLOR", "GITHUB_ACTIONS"}
    keep = {name: value for name, value in os.environ.items() if name not in drop}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**keep, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}


def shell(command: str, folder: Path) -> str:
    """Run `command` as someone would who stops at the first failure; what it printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode} from\n{command}\n{done.stdout}"
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def type_python(block: Block, session: dict[str, Any], page: str) -> None:
    if ">>> " not in block.body:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile("\n" * block.line + block.body, page, "exec"), session)
        return
    test = doctest.DocTestParser().get_doctest(block.body, session, page, page, block.line)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    failed, _ = runner.run(test, out=report.append, clear_globs=False)
    session.update(test.globs)  # a doctest works on a copy
    assert not failed, "".join(report)


def shows(wanted: str, printed: str) -> bool:
    wanted, printed = (re.sub(r"\s+", " ", text).strip() for text in (wanted, printed))
    pattern = ".*?".join(re.escape(part.strip()) for part in wanted.split("..."))
    return re.fullmatch(pattern, printed, re.S) is not None


def follow(page: Path, folder: Path) -> None:
    (folder / "examples").symlink_to(ROOT / "examples")
    session: dict[str, Any] = {"__name__": "__page__"}
    printed: str | None = None
    for block in blocks_of(page.read_text("utf-8")):
        at = f"{page.relative_to(ROOT)}:{block.line}"
        before, printed = printed, None
        if block.skipped:
            continue
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.body, "utf-8")
        elif block.language == "bash":
            printed = shell(block.body, folder)
        elif block.language == "text" and before is not None:
            assert shows(block.body, before), f"{at} shows\n{block.body}\nbut this is printed:\n{before}"
        elif block.language == "python":
            type_python(block, session, at)
        elif block.language == "yaml":
            assert yaml.compose(block.body, yaml.SafeLoader), at
        elif block.language == "json":
            json.loads(block.body)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    follow(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert re.match(r"https?://|mailto:", target) or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "tutorial.md"], ids=lambda page: page.name)
def test_files_shown_are_the_files_shipped(page: Path) -> None:
    folder = ROOT / "examples" / "own-layer"
    shown = {block.title: block.body for block in blocks_of(page.read_text("utf-8")) if block.title}
    shipped = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
    both = shown.keys() & shipped.keys()
    assert len(both) >= 3
    assert {name: shown[name] for name in both} == {name: shipped[name] for name in both}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_example_script(script: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shell(f"python {shlex.quote(str(script.relative_to(ROOT)))}", tmp_path)


def test_make_demo(tmp_path: Path) -> None:
    """The commands behind `make demo`, which the README starts with; of the designs that are judged, one will do here."""
    plan = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [re.sub(r"\S*bin/archloom", "archloom", line) for line in plan.splitlines() if "bin/archloom " in line]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    one = "space.yaml -n 1 --set explore.networks=alexnet:fc8 -j 1"
    evaluated, explored = (shell(command.replace("space.yaml", one), tmp_path) for command in commands)
    assert "layer1.0.conv1 on eyeriss" in evaluated
    assert "168 of 168" in evaluated
    assert "Best design: 0" in explored
    assert "proven best mapping" in explored
