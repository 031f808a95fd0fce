"""What one case of a level moves in and out, and the partial sums it makes."""

from __future__ import annotations

from collections.abc import Sequence

from archloom.errors import Fault, InputError
from archloom.interop.maestro.levels import Level
from archloom.interop.maestro.mends import Mend
from archloom.interop.maestro.network import Directive, Tensors
from archloom.interop.maestro.states import Position, State
from archloom.interop.maestro.tiles import Sizes

__all__ = ["Case"]


class Case:
    """One case of a level: a state for every directive.

    Amounts are elements per occurrence of the case; "the first" sub-cluster fetches its whole tile, the others only
    what their neighbour does not have. `cut` asks for the sub-cluster whose tile is cut off at the edge.
    """

    def __init__(self, level: Level, tensors: Tensors, states: Sequence[State]) -> None:
        self.level = level
        self.tensors = tensors
        self.mends = level.mends
        self.states = states
        self.pairs = tuple(zip(level.directives, states, strict=True))
        moved = [place for place, state in enumerate(states) if state.position is not Position.INIT]
        self.changed = moved[-1] if moved else -1
        self.in_space = [(directive.variable, state) for directive, state in self.pairs if directive.spatial]
        self.spatial = self.in_space[0][1]
        self.active = level.active_at_edge

    def spatial_state(self, variables: Sequence[str] | None = None) -> tuple[bool, bool, bool]:
        """Say whether any of the variables (all) is laid out in space, reaches beyond its edge, and ends in a cut tile."""
        states = [state for variable, state in self.in_space if variables is None or variable in variables]
        return bool(states), any(state.edge for state in states), any(state.short for state in states)

    def ingress(self, variables: Sequence[str]) -> int:
        """Elements of an input or a filter that the level's buffer sends to its sub-clusters, multicast counted once."""
        spatial, edge, short = self.spatial_state(variables)
        if not spatial:
            return self.one_ingress(variables, first=True)
        if not edge:
            others = self.level.sub_clusters - 1
            first = self.one_ingress(variables, first=True)
            return first + others * self.one_ingress(variables) if others else first
        total = self.one_ingress(variables, first=True, cut=self.active == 1 and short)
        if self.active > 1:
            total += max(self.active - short - 1, 0) * self.one_ingress(variables)
            if short:
                total += self.one_ingress(variables, cut=True)
        return total

    def one_ingress(self, variables: Sequence[str], *, first: bool = False, cut: bool = False) -> int:
        if self.changed < 0:
            return self.mapped(variables, first=first, cut=cut)
        stays = self.level.directives[self.changed].variable not in variables
        if stays and Mend.B25 not in self.mends:
            return 0
        refetched = self.starts_over(variables)
        if stays and not refetched:
            return 0
        halo_shared = Mend.B26 in self.mends
        total = 1
        for place, (directive, state) in enumerate(self.pairs):
            if directive.variable not in variables:
                continue
            sizes = self.level.sizes[directive.variable]
            new = place == self.changed and not refetched
            if directive.spatial:
                full, unique = (sizes.edge_tile, sizes.edge_unique) if cut else (sizes.tile, sizes.unique)
                if first and new and halo_shared:
                    row = directive.offset * self.level.sub_clusters
                    full = min(full, max(row - (sizes.tile - full), 0))
                if state.position is Position.INIT:
                    new = place > self.changed
                total *= unique if (new or halo_shared) and not first else full
            elif state.position is Position.INIT:
                total *= sizes.edge_tile if state.edge else sizes.tile
            elif state.edge and Mend.B7 in self.mends:
                total *= sizes.edge_unique if new else sizes.edge_tile
            else:
                total *= new_part(directive, sizes) if new else sizes.tile
        return total

    def starts_over(self, variables: Sequence[str]) -> bool:
        """Say whether a loop inside the one that changed moves the tensor, and is back at its first tile."""
        return any(
            state.position is Position.INIT and not state.unrolled and directive.variable in variables
            for directive, state in self.pairs[self.changed + 1 :]
        )

    def moves(self, variables: Sequence[str]) -> bool:
        """Say whether this case has another tile of the tensor than the case before it, or the first."""
        changed = self.changed
        return changed < 0 or self.level.directives[changed].variable in variables or self.starts_over(variables)

    def mapped(self, variables: Sequence[str], *, first: bool, cut: bool) -> int:
        halo_shared = not first and Mend.B26 in self.mends
        total = 1
        for directive, state in self.pairs:
            if directive.variable not in variables:
                continue
            sizes = self.level.sizes[directive.variable]
            if halo_shared and directive.spatial:
                total *= sizes.edge_unique if cut else sizes.unique
            elif not state.edge:
                total *= sizes.tile
            elif not directive.spatial or cut:
                total *= sizes.edge_tile
            elif self.active == 1:
                total *= sizes.edge_tile if first else 1
            else:
                total *= sizes.tile
        return total

    def one_egress(self, *, sums: bool, first: bool = False, cut: bool = False, reuse: bool = True) -> int:
        """Outputs of one sub-cluster or, with `sums`, the partial sums it makes for them."""
        total = 1
        for directive, state in self.pairs:
            coupled = directive.variable in self.tensors.output
            if not coupled and not sums:
                continue
            outer = self.level.sizes[directive.variable]
            sizes = self.level.sizes[self.level.output_name(directive.variable)] if coupled else outer
            if not directive.spatial:
                total *= sizes.edge_tile if state.edge else sizes.tile
            elif state.position is Position.EDGE:
                total *= self.last_row(sizes, outer, first=first, cut=cut)
            elif state.position is Position.INIT and state.edge and cut:
                shared = coupled and reuse and self.active > 1
                total *= sizes.edge_unique if shared else sizes.edge_tile
            else:
                total *= sizes.tile if first else sizes.unique or 1
        return total

    def last_row(self, sizes: Sizes, outer: Sizes, *, first: bool, cut: bool) -> int:
        if self.active == 1:
            # MAESTRO takes the edge of the input here, of the outputs too.
            edge = sizes if Mend.B22 in self.mends else outer
            return edge.edge_tile if first or cut else 1
        if cut:
            return sizes.edge_unique
        return sizes.tile if first else sizes.unique

    def egress(self) -> int:
        """Outputs that the sub-clusters send up; sums over space are free."""
        if Mend.B5 in self.mends and not self.moves(self.tensors.output):
            return 0
        spatial, edge, short = self.spatial_state(self.tensors.output)
        if not spatial:
            return self.one_egress(sums=False, first=True)
        if not edge:
            return self.one_egress(sums=False, first=True) + (self.level.sub_clusters - 1) * self.one_egress(sums=False)
        total = self.one_egress(sums=False, first=True, cut=self.active == 1 and short)
        if self.active > 1:
            total += max(self.active - short - 1, 0) * self.one_egress(sums=False)
            if short:
                total += self.one_egress(sums=False, cut=True)
        return total

    def sums(self) -> int:
        """Partial sums (MACs) of the case."""
        _, edge, short = self.spatial_state()
        if not edge:
            return self.level.sub_clusters * self.one_egress(sums=True, first=True)
        total = self.one_egress(sums=True, first=True, cut=self.active == 1 and short)
        if self.active > 1:
            total += max(self.active - short - 1, 0) * self.one_egress(sums=True, first=True)
            if short:
                total += self.one_egress(sums=True, cut=True, reuse=False)
        return total

    def critical_sums(self) -> int:
        """Partial sums of the busiest sub-cluster."""
        _, edge, short = self.spatial_state(None if Mend.B27 in self.mends else self.tensors.output)
        return self.one_egress(sums=True, first=True, cut=edge and short and self.active == 1)

    def deliveries(self, variables: Sequence[str]) -> int:
        """Elements of an input or a filter that the sub-clusters receive, each for itself."""
        _, edge, short = self.spatial_state()
        if not edge:
            return self.level.sub_clusters * self.one_ingress(variables, first=True)
        whole = self.active - short
        total = whole * self.one_ingress(variables, first=True) if whole else 0
        return total + self.one_ingress(variables, first=True, cut=True) if short else total

    def slide(self, variables: Sequence[str], below: Sequence[Level]) -> tuple[int, int]:
        """Return which part of a sub-cluster's tile is new, as a fraction, if PEs keep their place in the tile."""
        if self.changed < 0 or self.starts_over(variables):
            return 1, 1
        directive, state = self.pairs[self.changed]
        variable = directive.variable
        split = any(
            directive.spatial and directive.variable == variable and level.sub_clusters > 1
            for level in below
            for directive in level.directives
        )
        if split or variable not in variables or (directive.spatial and self.level.sub_clusters > 1):
            return 1, 1
        sizes = self.level.sizes[variable]
        return (sizes.edge_unique, sizes.edge_tile) if state.edge else (sizes.unique, sizes.tile)

    def dimensions_below(self, variables: Sequence[str], *, cut: bool) -> dict[str, int]:
        """Return the sizes that the sub-clusters of this case see."""
        found: dict[str, int] = {}
        for directive, state in self.pairs:
            if directive.variable in variables:
                sizes = self.level.sizes[directive.variable]
                small = state.edge and (not directive.spatial or self.active == 1 or cut)
                found[directive.variable] = sizes.edge_tile if small else sizes.tile
        return found


def new_part(directive: Directive, sizes: Sizes) -> int:
    if sizes.unique == 0:
        message = f"{directive.variable} moves although its map of {directive.size} covers its dimension"
        hint = "an edge tile of the level above is larger than its tile: choose an offset of at most the size; "
        raise InputError(Fault(message, directive.place, hint + "MAESTRO stops with exit code 255"))
    return sizes.unique
