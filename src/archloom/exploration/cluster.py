"""Judging on a Dask cluster: one that runs already, or one that a batch system such as Slurm starts for this study."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import pickle
import shutil
import socket
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Self

from archloom.errors import ArchloomError, Fault, InputError, Place, did_you_mean, nearest
from archloom.exploration.base import Proposal
from archloom.exploration.retries import Answer, Judging, Outcome, Task, TaskList, judged, packed
from archloom.search.canonical import engine_fingerprint

__all__ = ["SYSTEMS", "Cluster", "cluster", "judge_there"]

SYSTEMS = {
    "htcondor": "HTCondorCluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "slurm": "SLURMCluster",
}
"""The batch systems that dask-jobqueue knows, and its names for them."""

SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "inproc://")
LIMIT_S = 30.0
"""How long a scheduler may take to answer."""
DEFAULTS = {"cores": 1, "processes": 1, "memory": "4GB", "scheduler_options": {"dashboard_address": ":0"}}
"""What a job of a batch system gets, if neither an option nor dask-jobqueue's own configuration says otherwise; any free port
will do for the scheduler's own pages."""


class Cluster:
    """Judges on the workers of a Dask scheduler; to be entered, or closed. See `archloom.exploration.workers.Executor`.

    Dask gives the work of a worker that died to others; over what it gives up, the designs are judged one by one, and one that
    does not let any worker live is recorded as failed. Workers need the same version of archloom: raises InputError where they
    have another, ArchloomError when the scheduler goes away.
    """

    def __init__(self, client: Any, *, owned: Any = None, chunk: int = 4) -> None:
        self.chunk = chunk
        self._client = client
        self._owned = owned
        self._judge: Judging | None = None
        self._packed, self._digest = b"", ""

    def map(self, judge: Judging, chunks: Sequence[Proposal]) -> Iterator[Answer]:
        """See Executor."""
        from distributed import as_completed

        if judge is not self._judge:
            self._judge, self._packed = judge, packed(judge)
            self._digest = hashlib.sha256(self._packed).hexdigest()
        tasks, futures = TaskList(judge, chunks), as_completed(loop=self._client.loop)
        running: dict[str, tuple[Any, Task]] = {}
        try:
            while not tasks.is_done:
                while tasks.waiting:
                    task = tasks.waiting.popleft()
                    future = self._submit(task)
                    running[future.key] = future, task
                    futures.add(future)
                yield from tasks.ready()
                if running:
                    future, task = running.pop(next(futures).key)
                    self._take(future, task, tasks)
        finally:
            self._drop([future for future, _ in running.values()])

    def _submit(self, task: Task) -> Any:
        key = f"archloom-{uuid.uuid4().hex}"
        return self._client.submit(
            judge_there, self._digest, self._packed, task.proposal, _version(), key=key, pure=False
        )

    def _take(self, future: Any, task: Task, tasks: TaskList) -> None:
        """Take what Dask says of a task."""
        from distributed import KilledWorker

        if future.status == "finished":
            outcome = future.result()
            if not isinstance(outcome, Outcome):
                raise InputError(str(outcome), hint="install the same archloom everywhere")
            tasks.put(task, outcome)
            return
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            tasks.died(task, "Dask gave up on it", workers=error.allowed_failures + 1)
            return
        why = "the scheduler is gone" if error is None else f"{type(error).__name__}: {error}"
        raise ArchloomError(f"the cluster does not judge: {why}; what was judged is in the study, and --resume goes on")

    def _drop(self, futures: list[Any]) -> None:
        """Keep the cluster from working on what nobody waits for."""
        if futures:
            with contextlib.suppress(Exception):  # of a cluster that is gone
                self._client.cancel(futures, force=True)

    def close(self) -> None:
        """Let go of the cluster; one that was started for us ends."""
        for part in (self._client, self._owned):
            if part is not None:
                with contextlib.suppress(Exception):
                    part.close()
        self._owned = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cluster(address: str, options: Mapping[str, Any] | None = None, *, chunk: int = 4) -> Cluster:
    """The cluster at `tcp://HOST:PORT`, or of a batch system such as `slurm`, started with the options of dask-jobqueue.

    `options` for a batch system: what `dask_jobqueue.SLURMCluster` and its like take (cores, memory, queue, walltime ...), and
    `jobs`, how many to submit (default 1). Raises InputError where there is no such cluster, or for an option that is not known.
    """
    _need("distributed", "pip install 'archloom[cluster]'")
    if address in SYSTEMS:
        return _started(address, dict(options or {}), chunk)
    if not address.startswith(SCHEMES):
        hint = did_you_mean(address, SYSTEMS) if nearest(address, SYSTEMS) else "expected tcp://HOST:PORT, or slurm"
        raise InputError(f"{address!r} is no cluster", Place("--cluster"), hint)
    if options:
        raise InputError(
            f"options cannot be given to a cluster that runs already: {', '.join(options)}", Place("--cluster-option")
        )
    client = _client(address)
    try:
        _check_versions(client)
    except BaseException:
        client.close()
        raise
    return Cluster(client, chunk=chunk)


def _client(address: Any) -> Any:
    from distributed import Client

    try:
        client = Client(address, timeout=LIMIT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(
            f"no Dask scheduler answers there: {reason}", Place(str(address)), "start one with `dask scheduler`"
        ) from None
    return client


def _check_versions(client: Any) -> None:
    """Ask the workers that are there; those that come later are asked with their first task."""
    try:
        there: dict[str, str] = client.run(_version)
    except Exception as error:
        raise InputError(
            f"the workers of the cluster cannot run archloom: {type(error).__name__}: {error}",
            hint="install the same archloom everywhere",
        ) from None
    faults = [
        Fault(
            f"the worker has {other}, and this is {_version()}", Place(worker), "install the same archloom everywhere"
        )
        for worker, other in sorted(there.items())
        if other != _version()
    ]
    if faults:
        raise InputError(faults)
    if not there:
        warnings.warn("the scheduler has no workers yet; waiting for them", stacklevel=3)


def _started(system: str, options: dict[str, Any], chunk: int) -> Cluster:
    """A cluster that the batch system runs for us."""
    _need("dask_jobqueue", "pip install 'archloom[cluster]'")
    import dask_jobqueue

    kind = getattr(dask_jobqueue, SYSTEMS[system])
    jobs = options.pop("jobs", 1)
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise InputError(f"jobs: {jobs!r} is no number of jobs", Place("--cluster-option"), "expected 1 or more")
    known = ["jobs", *_options_of(kind)]
    faults = [
        Fault(f"{SYSTEMS[system]} has no option {name!r}", Place("--cluster-option"), did_you_mean(name, known))
        for name in options
        if name not in known
    ]
    if faults:
        raise InputError(faults)
    command = str(kind.job_cls.submit_command).split()[0]
    if shutil.which(command) is None:
        hint = f"run this where jobs for {system} are submitted"
        raise InputError(f"there is no command {command!r} here", Place("--cluster"), hint)
    owned: Any = None
    try:
        owned = kind(**_defaults(system) | options)
        owned.sync(_submit, owned, jobs)
        return Cluster(_client(owned), owned=owned, chunk=chunk)
    except Exception as error:
        if owned is not None:
            _give_up(owned)
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).rpartition("stderr:")[2].split())
        raise InputError(f"{SYSTEMS[system]} does not start: {reason}", Place("--cluster-option")) from None


async def _submit(owned: Any, jobs: int) -> None:
    """Submit the jobs, and hear of it if that fails: `scale` alone does it behind our back."""
    owned.scale(jobs=jobs)
    await owned._correct_state()


def _give_up(owned: Any) -> None:
    """Close a cluster of which some jobs were never submitted: Dask would wonder how they can be neither running nor closed."""
    from distributed.core import Status

    with contextlib.suppress(Exception):
        for job in owned.workers.values():
            if job.status == Status.created:
                job.status = Status.failed
        owned.close()


def _defaults(system: str) -> dict[str, Any]:
    """Our defaults, but for what dask-jobqueue is configured with."""
    from dask import config

    return {
        name: value
        for name, value in DEFAULTS.items()
        if not config.get(f"jobqueue.{system}.{name.replace('_', '-')}", None)
    }


def _options_of(kind: Any) -> list[str]:
    """The names of all options of a cluster of dask-jobqueue: its own, its jobs' and those of all jobs."""
    found: dict[str, None] = {}
    for part in (*kind.__mro__, *kind.job_cls.__mro__):
        if part.__module__.startswith("dask_jobqueue"):
            for name, parameter in inspect.signature(part.__init__).parameters.items():
                if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) and name != "self":
                    found[name] = None
    return sorted(found)


def _need(package: str, advice: str) -> None:
    if find_spec(package) is None:
        raise InputError(f"judging on a cluster needs the package {package.replace('_', '-')}", hint=advice)


# -- on the workers -----------------------------------------------------------------------------------------------------------

_here: dict[str, Judging] = {}
"""The judge that this worker has unpacked, by the digest of its bytes; one, the latest."""
_one_at_a_time = threading.Lock()
"""A judge is not made for threads."""


def judge_there(digest: str, judge: bytes, proposal: Proposal, wanted: str) -> Outcome | str:
    """Judge on a worker; where it has another version of archloom, say so."""
    if _version() != wanted:
        return f"the worker on {socket.gethostname()} has {_version()}, and the study {wanted}"
    with _one_at_a_time:
        if digest not in _here:
            _here.clear()
            _here[digest] = pickle.loads(judge)  # noqa: S301 - from the scheduler that this worker trusts
        return judged(_here[digest], proposal, f"{socket.gethostname()} process {os.getpid()}")


def _version() -> str:
    """What has to be equal for verdicts to be."""
    return f"archloom {version('archloom')} ({engine_fingerprint()[:12]})"
