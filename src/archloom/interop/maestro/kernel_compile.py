"""The compiler of the sweeps: numba's, or a sentence that says how to get it."""

from __future__ import annotations

from functools import partial
from typing import Any

from archloom.errors import InputError

try:
    from numba import njit
except ImportError as error:
    raise InputError("sweeps of MAESTRO mappings need numba", hint="pip install 'archloom[cuts]'") from error

__all__ = ["compiled", "entered", "reducing"]

reducing: Any = partial(njit, cache=True, nogil=True, error_model="numpy")
entered: Any = partial(reducing, _nrt=False)
"""Without counts of references, which would take most of the time where structures of arrays are read; such functions make no arrays."""

compiled: Any = partial(entered, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only compiled ones call."""
