"""The `archloom` command: its verbs, and what every one of them does about errors, interrupts and closed pipes."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

import archloom
from archloom.cli import check, cite, convert, evaluate
from archloom.cli.compare import compare
from archloom.cli.explore import explore
from archloom.cli.maestro import maestro
from archloom.cli.map import map_command
from archloom.cli.messages import print_bug, print_error, print_misuse, print_warning
from archloom.cli.report import report
from archloom.cli.streams import tolerate_plain_terminals
from archloom.cli.technology import technology
from archloom.errors import ArchloomError

__all__ = ["app", "main"]

INTERRUPTED, BUG = 130, 70
"""Exit codes as the shell has them: ended by Ctrl-C, and `EX_SOFTWARE`. The others are 0 done, 1 infeasible, 2 bad input."""

MISUSE = typer.BadParameter.__mro__[1]
"""The `UsageError` of the click that typer has: its own copy, or in older versions the package."""

app = typer.Typer(
    name="archloom",
    add_completion=False,
    rich_markup_mode=None,  # plain help: no boxes, and no rich to load
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 infeasible, 2 bad input.",
)
app.command("map")(map_command)
app.command("compare")(compare)
app.command("explore")(explore)
app.command("report")(report)
app.command("evaluate")(evaluate.evaluate)
app.command("technology")(technology)
app.command("check")(check.check)
app.command("convert")(convert.convert)
app.command("maestro")(maestro)
app.command("cite")(cite.cite)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"archloom {archloom.__version__}")
        raise typer.Exit


@app.callback()
def archloom_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What does this layer cost on this accelerator with this mapping? Exact latency, energy and area, and the reasons."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    tolerate_plain_terminals()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)  # ours; what libraries have to say to each other stays quiet
            warnings.showwarning = print_warning
            code = _run(given or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads us has seen enough, e.g. `head`
        _drop_stdout()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _run(arguments: list[str]) -> int:
    try:
        # Not `app()`, which has its own mind about interrupts and closed pipes.
        command = typer.main.get_command(app)
        with command.make_context("archloom", list(arguments), obj=shlex.join(["archloom", *arguments])) as context:
            command.invoke(context)
    except ArchloomError as error:
        print_error(error)
        return error.exit_code
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if isinstance(error, MISUSE):
            print_misuse(error)
            return ArchloomError.exit_code
        print_bug(error, verbose="--verbose" in arguments or "-v" in arguments)
        return BUG
    return 0


def _drop_stdout() -> None:
    """Let nothing be written to the closed pipe when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
