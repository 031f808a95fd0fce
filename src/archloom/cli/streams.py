"""Where results go: the terminal, plain streams, and files that are written whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from archloom.errors import Fault, InputError, Place

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "progress", "tolerate_plain_terminals", "unwritable", "write_files"]

PLAIN = {
    **dict.fromkeys("█▉▊▋▌", "#"),
    **dict.fromkeys("▍▎▏", ":"),
    **dict(zip("─│╵●○□×·µ²…", "-|'#osx*u2~", strict=True)),
}
WIDTH = 100
PATIENCE_S = 2.0


def console() -> Console:
    """The console on stdout: as wide as the terminal, 100 columns where there is none, and no colour when piped."""
    from rich.console import Console

    class Outlet(Console):
        def on_broken_pipe(self) -> None:  # rich would end the program with an exit code of its own
            raise BrokenPipeError

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDTH
    return Outlet(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def tolerate_plain_terminals() -> None:
    """Where the output cannot carry a character, write a plain one in its stead instead of failing."""
    codecs.register_error("archloom.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="archloom.plain")  # type: ignore[union-attr]


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


@contextlib.contextmanager
def progress(doing: str) -> Iterator[None]:
    """Say on stderr what is being done, if it takes more than two seconds."""
    terminal = sys.stderr.isatty()

    def say() -> None:
        sys.stderr.write(f"{doing} ..." if terminal else f"{doing} ...\n")
        sys.stderr.flush()

    timer = threading.Timer(PATIENCE_S, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        waiting = timer.is_alive()
        timer.cancel()
        timer.join()
        if terminal and not waiting:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def write_files(contents: Mapping[Path, str], *, force: bool) -> None:
    """Write all the files, each whole or not at all; raises InputError, before anything is written, where one exists.

    With `force` existing files are replaced. The folder is made where it is missing.
    """
    faults = [_exists(path) for path in contents if not force and os.path.lexists(path)]
    if faults:
        raise InputError(faults)
    for path, text in contents.items():
        try:
            _write(path, text, force=force)
        except OSError as error:
            raise InputError(f"cannot write the file: {error.strerror or error}", Place(str(path))) from None


def unwritable(path: Path) -> Fault | None:
    """Why nothing can be written at a path, as far as that can be known before; folders on the way may be missing."""
    folder = path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return Fault(f"cannot write the file: {folder} is no folder", Place(str(path)))
    if not os.access(folder, os.W_OK | os.X_OK):
        return Fault(f"cannot write the file: nothing may be written into the folder {folder}", Place(str(path)))
    return None


def _exists(path: Path) -> Fault:
    return Fault("the file exists already", Place(str(path)), "give --force to replace it")


def _write(path: Path, text: str, *, force: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".archloom-")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        draft.chmod(0o666 & ~_umask())
        if force:
            draft.replace(path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    """Give the draft its name, unless somebody else took it in the meantime."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise InputError(_exists(path)) from None
    except OSError:  # a file system without hard links
        draft.replace(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
