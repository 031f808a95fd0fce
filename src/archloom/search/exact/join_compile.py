"""The compiler of the group joins: numba's, or a sentence that says how to get it."""

from __future__ import annotations

from archloom.errors import InputError

try:
    from numba import njit
except ImportError as error:
    raise InputError("the exact search with free cuts needs numba", hint="pip install 'archloom[cuts]'") from error

__all__ = ["njit"]
