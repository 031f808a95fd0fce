"""The command itself: help, versions, mistakes on the command line, closed pipes, interrupts, bugs, and how light it is."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import archloom as package
from archloom.cli import evaluate, messages, streams

Archloom = Callable[..., Any]


def test_help_names_the_verbs_and_exit_codes(process: Archloom) -> None:
    for arguments in ((), ("--help",), ("-h",)):
        done = process(*arguments)
        assert (done.code, done.err) == (0, "")
        for word in ("evaluate", "check", "convert", "cite", "--version", "0 done, 1 infeasible, 2 bad input"):
            assert word in done.out


@pytest.mark.parametrize("verb", ["evaluate", "check", "convert", "cite"])
def test_help_of_a_verb(archloom: Archloom, verb: str) -> None:
    done = archloom(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: archloom {verb} [OPTIONS] [")
    assert max(map(len, done.out.split("\n"))) <= 80


def test_version(archloom: Archloom) -> None:
    assert archloom("--version").out == f"archloom {package.__version__}\n"
    assert metadata.version("archloom") == package.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluat",), "No such command 'evaluat'"),
        (("evaluate", "--jsn"), "No such option: --jsn"),
        (("evaluate", "--arch"), "Option '--arch' requires an argument"),
        (("convert", "x"), "Missing option '--to'"),
        (("convert", "x", "--to", "yaml"), "'yaml' is not one of 'native', 'timeloop', 'text'"),
    ],
)
def test_mistakes_on_the_command_line(archloom: Archloom, arguments: tuple[str, ...], message: str) -> None:
    done = archloom(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.err.endswith(" --help)\n")


def test_json_is_pure_in_a_process_of_its_own(process: Archloom) -> None:
    done = process("evaluate", "timeloop.yaml", "--json", "--verbose")
    assert done.code == 0
    assert json.loads(done.out)["macs"] == 128
    assert done.err


HEAVY = {"numpy", "jax", "pandas", "polars", "plotly", "yaml", "jinja2", "rich", "onnx", "torch", "pydantic"}


def cpu_seconds(command: list[str]) -> tuple[float, str]:
    """The least time that the command took of three, which a busy machine does not change much, and what it printed."""
    spent: list[float] = []
    printed = ""
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent), printed


def test_help_is_light() -> None:
    code = "import sys; from archloom.cli.main import main; main(['--help']); print(*sorted(sys.modules))"
    spent, printed = cpu_seconds([sys.executable, "-c", code])
    loaded = {module.split(".")[0] for module in printed.splitlines()[-1].split()}
    assert not loaded & HEAVY
    assert spent < 0.3


def test_a_file_is_evaluated_in_under_a_second(folder: Path) -> None:
    spent, printed = cpu_seconds([sys.executable, "-m", "archloom", "evaluate", "all.yaml"])
    assert printed
    assert spent < 1


def test_plain_terminals_get_plain_characters(process: Archloom) -> None:
    done = process("evaluate", "all.yaml", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert "uJ" in done.out or "nJ" in done.out
    assert "###" in done.out
    assert "?" not in done.out


def test_no_colour_in_a_pipe_unless_forced(process: Archloom) -> None:
    assert "\x1b" not in process("evaluate", "all.yaml").out


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -u -m archloom evaluate all.yaml | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "my_layer on my_machine\n"


def test_a_closed_pipe_in_every_verb(folder: Path) -> None:
    for arguments in (["evaluate", "all.yaml"], ["evaluate", "all.yaml", "--json"], ["check", "all.yaml"], ["cite"]):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "archloom", *arguments]
        done = subprocess.run(command, cwd=folder, stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b""), arguments


def test_interrupts_are_quiet(folder: Path) -> None:
    code = """
import sys, time
from archloom.cli import inputs, main
inputs.looks_like_timeloop = lambda files: print("reading", flush=True) or time.sleep(60)
sys.exit(main.main(["check", "all.yaml"]))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.readline() == b"reading\n"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (130, b"")


def test_what_is_no_file_is_not_waited_for(process: Archloom, folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    done = process("check", "pipe.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: pipe.yaml: ")


def test_a_bug_of_ours_says_so(archloom: Archloom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(evaluate, "read_case", fails)
    done = archloom("evaluate", "all.yaml")
    assert (done.code, done.out) == (70, "")
    first, second = done.err.splitlines()
    assert first.startswith("bug: ZeroDivisionError: no luck (in test_main.py:")
    assert second == (
        "This is a mistake in archloom, not in your files. "
        "Please report it, with what the same command prints with --verbose."
    )
    assert "Traceback (most recent call last)" in archloom("evaluate", "all.yaml", "--verbose").err


def test_long_lines_are_shown_around_the_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from archloom.errors import InputError, Place

    (folder / "long.yaml").write_text("a" * 300 + "X" + "b" * 300 + "\n", "utf-8")
    messages.print_error(InputError("here", Place("long.yaml", 1, 301)))
    _, line, mark = capsys.readouterr().err.splitlines()
    assert line[mark.index("^")] == "X"
    assert len(line) < 120


def test_places_beyond_the_file_show_no_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from archloom.errors import InputError, Place

    for place in (Place("all.yaml", 999, 1), Place("all.yaml"), Place("nothing.yaml", 1, 1), Place("\0", 1, 1)):
        messages.print_error(InputError("here", place))
        assert capsys.readouterr().err.count("\n") == 1


def test_progress_speaks_up_only_when_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with streams.progress("Reading"):
        pass
    assert capsys.readouterr().err == ""
    spoken = threading.Event()
    monkeypatch.setattr(streams, "PATIENCE_S", 0.0)
    with streams.progress("Reading"):
        spoken.wait(0.2)
    assert capsys.readouterr().err == "Reading ...\n"
    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())
