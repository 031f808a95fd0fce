"""The sizes that a layer is given: checks with the layer's name in the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archloom.errors import InputError

__all__ = ["Sizes", "WordBits", "check_positive", "is_whole", "numbered", "per_axis"]

Sizes = int | Sequence[int]
"""One number for all spatial axes, or one per axis."""

WordBits = Mapping[str, int] | None
"""Word width in bits by the name of the tensor; the others have the memory's."""


def is_whole(value: object) -> bool:
    """Whether the value is an integer (True and False are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_positive(name: str, **sizes: int) -> None:
    """Raise InputError naming all sizes that are not positive integers."""
    wrong = ", ".join(f"{key}={value!r}" for key, value in sizes.items() if not is_whole(value) or value < 1)
    if wrong:
        raise InputError(f"{name}: {wrong}; expected positive integers")


def numbered(what: str, values: Sequence[int]) -> dict[str, int]:
    """Name each value for a message: `stride[0]`, `stride[1]`, ..."""
    return {f"{what}[{axis}]": value for axis, value in enumerate(values)}


def per_axis(name: str, what: str, value: Sizes, axes: int) -> tuple[int, ...]:
    """One value per axis; raises InputError when there are more or fewer than `axes`."""
    values = tuple(value) if isinstance(value, Sequence) else (value,) * axes
    if len(values) != axes:
        raise InputError(f"{name}: {len(values)} values for {what}; expected one, or {axes}")
    return values
