"""One writer per study: a lock that ends with its process, whether that ends, is killed, or the machine restarts."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from archloom.errors import InputError, Place

__all__ = ["LOCK", "FolderLock", "is_locked"]

LOCK = "lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What a file system answers that does not know `flock`, as some shared ones."""
PATIENCE_S = 0.2
"""Whoever only looks whether there is a writer holds the lock for a moment."""


class FolderLock:
    """The lock of a folder, held from its making until `release`; raises InputError where another process holds it.

    The system's own file lock is what counts on one machine: it cannot outlive its process. The file also says who holds it, for
    the message, and for other machines that share the folder: their processes cannot be asked whether they still run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._handle = self._take()

    def _take(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                while (free := _try_lock(handle)) is False and time.monotonic() < deadline:
                    time.sleep(0.02)
                owner = _read_owner(handle)
                if free is False or _holds(owner, asked=free is None):
                    raise InputError(_refusal(owner), Place(str(self.path.parent)), self._advice(owner))
                if not _is_still(handle, self.path):  # its owner took it away between our opening and locking it
                    os.close(handle)
                    continue
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(_ourselves()).encode(), 0)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.close(handle)
                raise
            return handle

    def _advice(self, owner: dict[str, Any]) -> str:
        if owner.get("host") in (None, socket.gethostname()):
            return "wait until it ends, or choose another folder"
        return f"if that process is gone, remove {self.path}"

    def release(self) -> None:
        """Let others write; a second call does nothing."""
        if self._handle >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1


def is_locked(folder: Path) -> bool:
    """Whether a process writes into the folder now, as far as can be seen from here."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        free = _try_lock(handle, shared=True)
        return free is False or _holds(_read_owner(handle), asked=free is None)
    finally:
        os.close(handle)


def _refusal(owner: dict[str, Any]) -> str:
    if "pid" not in owner:
        return "another process is writing this study"
    return f"process {owner['pid']} on {owner.get('host', 'this machine')} is writing this study"


def _try_lock(handle: int, *, shared: bool = False) -> bool | None:
    """True: locked; False: another process has it; None: this system, or this file system, knows no locks."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
    except ImportError:
        return None
    try:
        flock(handle, (LOCK_SH if shared else LOCK_EX) | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _holds(owner: dict[str, Any], *, asked: bool) -> bool:
    """Whether the process that a lock file names may still be writing; on this machine only `asked` where no lock tells."""
    if "pid" not in owner:
        return False
    if owner.get("host") != socket.gethostname():
        return True
    return asked and owner.get("boot") == _boot() and _runs(owner["pid"])


def _runs(pid: Any) -> bool:
    if not isinstance(pid, int) or pid == os.getpid() or os.name != "posix":
        return pid != os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _ourselves() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "boot": _boot()}


def _boot() -> str:
    """What tells one start of this machine from the next; empty where the system does not say."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def _read_owner(handle: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
