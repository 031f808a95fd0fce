"""Templates of free cuts: every way of placing tile boundaries and innermost runs that can be best, whatever the sizes.

A block's loops lie in *gaps* between the boundaries of the tiles kept at its level. A template fixes, per level, the order of
those boundaries and which tensors' runs of irrelevant loops go on into the next block. What it leaves open is, for each loop,
a choice of gap; and all that a cost sees of such a choice is one bit per tile: whether the loop counts as inside it (for a
relevant dim, it enlarges the tile; for an irrelevant one, it does not fetch it again).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Option", "Shape", "Template", "templates", "tiles_of"]

INSIDE_ALL = 99
"""The front of a run that no loop of the block ends."""

Kept = tuple[tuple[int, ...], ...]
"""Tensors kept at each level but the backing store, inner to outer."""


@dataclass(frozen=True)
class Shape:
    """What templates depend on: relevance, not sizes. Levels inner to outer, dims and tensors by number.

    `relevant[t]`: dims of t. `sliding`: tensors with a rank that several dims share. `movable[d]`: trips over d may move freely
    between blocks (no rule limits them). `fixed_orders`: some rule limits the order of loops, so no loop may change places.
    """

    levels: int
    dims: int
    relevant: tuple[frozenset[int], ...]
    sliding: frozenset[int]
    movable: tuple[bool, ...]
    fixed_orders: bool = False

    def irrelevant(self, tensor: int) -> list[int]:
        return [d for d in range(self.dims) if d not in self.relevant[tensor]]

    def is_simple(self, dim: int) -> bool:
        """Whether moving a trip of `dim` outwards until some tile pays for it never costs anything."""
        strangers = sum(dim not in relevant for relevant in self.relevant)
        return self.movable[dim] and strangers <= 1 and not self.sliding and not self.fixed_orders


@dataclass(frozen=True, slots=True)
class Option:
    """A gap for a loop: `inside` has bit q set where the loop counts as inside tile q; `rank` orders loops within the gap."""

    gap: int
    inside: int
    rank: int


@dataclass(frozen=True, slots=True)
class Template:
    """`boundaries[l]`: tensors kept at l, innermost boundary first. `options[d][l]`: gaps open to a loop over d in block l."""

    boundaries: Kept
    options: tuple[tuple[tuple[Option, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of a template: boundary order, the fronts `(tensor, gap)` of the runs that enter it, how many tiles stay open
    at its top (the outermost boundaries with nothing beyond them), and the tiles whose runs enter.
    """

    order: tuple[int, ...]
    fronts: tuple[tuple[int, int], ...]
    opened: int
    entering: frozenset[tuple[int, int]]


def tiles_of(kept: Kept) -> list[tuple[int, int]]:
    """The tiles (level, tensor) of a keep mask, in the order of their bits."""
    return [(level, tensor) for level, tensors in enumerate(kept) for tensor in sorted(tensors)]


@lru_cache(maxsize=4096)
def templates(shape: Shape, kept: Kept) -> tuple[Template, ...]:
    """All templates of a keep mask that can hold a best mapping."""
    found: dict[tuple[object, ...], Template] = {}
    tiles = tiles_of(kept)
    known: dict[object, tuple[Option, ...]] = {}
    for blocks in _arrangements(shape, kept, 0, frozenset()):
        template = _template(shape, tiles, blocks, known)
        seen: tuple[object, ...] = (template.options,) if _is_plain(shape) else (template.options, template.boundaries)
        found.setdefault(seen, template)
    return tuple(found.values())


def _is_plain(shape: Shape) -> bool:
    return not shape.sliding and not shape.fixed_orders


def _arrangements(
    shape: Shape, kept: Kept, level: int, entering: frozenset[tuple[int, int]]
) -> Iterator[tuple[_Block, ...]]:
    """All blocks from `level` outwards, given the tiles whose runs enter this block (each must gain something by it)."""
    if level == shape.levels - 1:
        yield from ((_Block((), fronts, 0, entering),) for fronts in _fronts(shape, level, (), entering))
        return
    here = kept[level]
    for order in itertools.permutations(here):
        for fronts in _fronts(shape, level, order, entering):
            passing = {tensor for tensor, gap in fronts if gap == INSIDE_ALL}
            for opened in range(len(here) + 1):
                own = order[len(here) - opened :]
                if not (passing & set(here)) <= set(own):
                    continue
                leaving = frozenset(
                    [*((level, t) for t in own), *((c, t) for c, t in entering if t in passing)],
                )
                block = _Block(order, fronts, opened, entering)
                yield from ((block, *outer) for outer in _arrangements(shape, kept, level + 1, leaving))


def _fronts(
    shape: Shape, level: int, order: tuple[int, ...], entering: frozenset[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Ways for the runs that enter a block to end in it: (tensor, gap where its first relevant loop may lie), by priority."""
    tensors = sorted({tensor for _, tensor in entering})
    is_last = level == shape.levels - 1
    choices = [[*range(len(order) + 1), *(() if is_last else (INSIDE_ALL,))] for _ in tensors]
    for gaps in itertools.product(*choices):
        ends = sorted(zip(tensors, gaps, strict=True), key=lambda front: -front[1])
        for fronts in _tie_orders(ends):
            if _is_useful(shape, order, fronts):
                yield fronts


def _tie_orders(ends: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """All orders of equal gaps; the longest run comes first."""
    groups = [tuple(group) for _, group in itertools.groupby(ends, key=lambda front: front[1])]
    for picked in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield tuple(itertools.chain.from_iterable(picked))


def _is_useful(shape: Shape, order: tuple[int, ...], fronts: tuple[tuple[int, int], ...]) -> bool:
    """Whether every run gains something here that no other template gives."""
    passing = {tensor for tensor, gap in fronts if gap == INSIDE_ALL}
    stays = [tensor for tensor in order if tensor not in passing]
    credited = set(range(shape.dims))
    for tensor, gap in fronts:
        own = shape.irrelevant(tensor)
        credited &= set(own)
        if not credited:
            return False
        if tensor in order and gap != INSIDE_ALL and gap > order.index(tensor):
            return False  # its own tile here could reach out to that gap: another order of boundaries
        if tensor in order and gap == INSIDE_ALL and order.index(tensor) < len(stays):
            return False  # nothing relevant is in the block, so its own tile reaches the top
        alone = len(fronts) == 1 and all(shape.is_simple(d) for d in own)
        if alone and (gap == 0 or (gap == INSIDE_ALL and tensor in order)):
            return False  # the credited loops could lie one block further in, just inside the tile
    return True


def _template(
    shape: Shape, tiles: list[tuple[int, int]], blocks: tuple[_Block, ...], known: dict[object, tuple[Option, ...]]
) -> Template:
    """The template of an arrangement; `known` are the options found so far, by block and kind of dim."""
    by_kind: dict[object, tuple[tuple[Option, ...], ...]] = {}
    options: list[tuple[tuple[Option, ...], ...]] = []
    for dim in range(shape.dims):
        kind = (tuple(dim in relevant for relevant in shape.relevant), shape.is_simple(dim))
        if kind not in by_kind:
            listed: list[tuple[Option, ...]] = []
            for level, block in enumerate(blocks):
                key = (level, block, kind)
                if key not in known:
                    known[key] = _options(shape, tiles, block, level, dim)
                listed.append(known[key])
            by_kind[kind] = tuple(listed)
        options.append(by_kind[kind])
    return Template(tuple(block.order for block in blocks[:-1]), tuple(options))


def _options(shape: Shape, tiles: list[tuple[int, int]], block: _Block, level: int, dim: int) -> tuple[Option, ...]:
    """The gaps of a block that a loop over `dim` may choose; none: it has no loop here."""
    last = len(block.order) - block.opened
    gaps = [gap for gap in range(last + 1) if _is_allowed(shape, block, dim, gap)]
    options = [
        Option(gap, _inside(shape, tiles, block, level, dim, gap), _rank(shape, block, dim, gap)) for gap in gaps
    ]
    if shape.fixed_orders:
        return tuple(options)
    if shape.sliding:
        return tuple(
            o for o in options if not any(_is_outward_free(shape, tiles, block, level, dim, o, p) for p in options)
        )
    irrelevant = sum(1 << q for q, (_, tensor) in enumerate(tiles) if dim not in shape.relevant[tensor])
    best = [
        o for at, o in enumerate(options) if not any(_beats(p, o, irrelevant, i < at) for i, p in enumerate(options))
    ]
    runs_on = any(dim in shape.relevant[tensor] for tensor in block.order[last:])  # further out it would end that run
    if level < shape.levels - 1 and shape.is_simple(dim) and not runs_on:
        mine = sum(1 << q for q, (c, _) in enumerate(tiles) if c <= level) & irrelevant
        best = [o for o in best if o.inside & mine]
    return tuple(best)


def _is_allowed(shape: Shape, block: _Block, dim: int, gap: int) -> bool:
    return all(
        dim not in shape.relevant[tensor] or (front != INSIDE_ALL and gap >= front) for tensor, front in block.fronts
    )


def _inside(shape: Shape, tiles: list[tuple[int, int]], block: _Block, level: int, dim: int, gap: int) -> int:
    credited = _credited(shape, block, dim, gap)
    inside = 0
    for q, (c, tensor) in enumerate(tiles):
        if c == level:
            is_in = gap <= block.order.index(tensor)
        else:
            is_in = c > level or ((c, tensor) in block.entering and tensor in credited)
        inside |= is_in << q
    return inside


def _credited(shape: Shape, block: _Block, dim: int, gap: int) -> set[int]:
    """Tensors whose runs a loop over `dim` in `gap` prolongs."""
    credited: set[int] = set()
    for tensor, front in block.fronts:
        if front < gap:
            break
        if dim in shape.relevant[tensor]:
            if front == gap:
                break
            continue
        credited.add(tensor)
    return credited


def _rank(shape: Shape, block: _Block, dim: int, gap: int) -> int:
    """Order within the gap: the loops that prolong the most runs come first."""
    fronts = [tensor for tensor, front in block.fronts if front == gap]
    prolonged = itertools.takewhile(lambda tensor: dim not in shape.relevant[tensor], fronts)
    return len(fronts) - len(list(prolonged))


def _beats(one: Option, other: Option, irrelevant: int, is_first: bool) -> bool:
    """Whether `one` never costs more than `other`: inside less that it enlarges, inside more that it would refetch."""
    if one is other:
        return False
    if one.inside == other.inside:
        return is_first
    differ = one.inside ^ other.inside
    return not (differ & irrelevant & ~one.inside) and not (differ & ~irrelevant & one.inside)


def _is_outward_free(
    shape: Shape, tiles: list[tuple[int, int]], block: _Block, level: int, dim: int, one: Option, other: Option
) -> bool:
    """Whether moving a loop from gap `one` to the next gap outwards only makes one tile smaller."""
    if other.gap != one.gap + 1:
        return False
    crossed = block.order[one.gap]
    if dim not in shape.relevant[crossed] or crossed in shape.sliding:
        return False
    if any(dim in shape.relevant[tensor] for tensor in shape.sliding):
        return False  # past which loops it goes decides where their tiles slide
    return one.inside ^ other.inside == 1 << tiles.index((level, crossed))
