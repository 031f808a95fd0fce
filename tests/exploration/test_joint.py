"""The joint space: templates, largest and fitted memories, and mappings that follow their design to another mesh."""

from __future__ import annotations

import numpy as np
from tests.exploration import small_study

from archloom.exploration.filling import array_use
from archloom.exploration.joint import by_template


def test_templates_are_meshes() -> None:
    """Designs that differ in the sizes of memories alone have one template; the space has four meshes."""
    designs, _ = small_study.truth()
    joint = small_study.joint()
    templates = joint.templates(designs)
    assert len(set(templates.tolist())) == 4
    for mesh in range(4):
        assert len(set(templates[designs[:, 0] == mesh].tolist())) == 1


def test_largest_memories_whatever_is_asked_first() -> None:
    """A constraint ties the registers to the buffer, so that both have to grow in turn."""
    designs, _ = small_study.truth()
    largest = small_study.joint().largest(designs)
    assert np.array_equal(largest[:, 0], designs[:, 0])
    assert (largest[:, 1:] == designs[:, 1:].max(axis=0)).all()


def test_fitted_memories_do_not_depend_on_the_sizes_before() -> None:
    designs, _ = small_study.truth()
    joint, rng = small_study.joint(), np.random.default_rng(0)
    drawn, mappings = joint.fresh(designs, rng, 2)
    assert np.array_equal(drawn, designs)
    fitted = joint.fitted(designs, mappings)
    assert joint.points.admits(fitted).all()
    assert np.array_equal(joint.fitted(joint.largest(designs), mappings), fitted)
    assert np.array_equal(joint.fitted(fitted, mappings), fitted)


def test_mappings_follow_to_another_mesh_and_fill_it() -> None:
    designs, _ = small_study.truth()
    joint, rng = small_study.joint(), np.random.default_rng(1)
    _, mappings = joint.fresh(designs, rng, 4)
    other = designs.copy()
    other[:, 0] = (designs[:, 0] + 1) % 4
    moved = joint.moved(other, mappings, rng, 6, np.ones(len(other), bool))
    used: list[float] = []

    def look(rows, spaces) -> None:
        for space, batch in zip(spaces, moved, strict=True):
            assert space.admits(batch)[rows].all()
            used.extend(array_use(space, batch)[rows].tolist())

    by_template(joint, other, look)
    assert len(used) == len(other)
    assert np.mean(used) > 0.8


def test_crossed_and_mutated_mappings_stay_in_their_space() -> None:
    designs, _ = small_study.truth()
    joint, rng = small_study.joint(), np.random.default_rng(2)
    _, one = joint.fresh(designs, rng)
    _, two = joint.fresh(designs, rng)
    crossed = joint.crossed(designs, one, two, rng)
    mutated = joint.mutated(designs, crossed, rng, {"tiling": 0.5, "order": 0.5, "cut": 1.0, "filling": 0.3}, 4)

    def look(rows, spaces) -> None:
        for space, *batches in zip(spaces, crossed, mutated, strict=True):
            assert all(space.admits(batch)[rows].all() for batch in batches)

    by_template(joint, designs, look)
    tables = zip(crossed[0].arrays().values(), mutated[0].arrays().values(), strict=True)
    assert np.any([(a != b).any(axis=(0, 1)) for a, b in tables], axis=0).mean() > 0.4
