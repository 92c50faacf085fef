"""The measure of structure in a space finds a dependency, and none in noise."""

from dataclasses import replace

import pytest
from contestants import RECORDED, Source
from space_structure import rank_of_good_configurations

from toprung.seeds import permuted
from toprung.simulate.learning_curves import Table


def with_values(values):
    """Return the digits table with other values."""
    source = RECORDED["digits"]()
    curves = [
        replace(curve, values=(value,) * len(curve.values))
        for curve, value in zip(source.table.curves, values, strict=True)
    ]
    return Source(source.manifest, Table(tuple(curves)))


def test_dependency_on_a_parameter_is_found():
    """Configurations that are good by one parameter are ranked first."""
    widths = [curve.parameters["width"] for curve in RECORDED["digits"]().table.curves]
    number, rank = rank_of_good_configurations(with_values([width / 128 for width in widths]), 0.1)
    assert number == sum(width >= max(widths) - 12.8 for width in widths)
    assert rank < 0.1


def test_noise_is_ranked_by_chance():
    """The mean rank of good configurations is 0.5 when values are noise."""
    values = [permuted(1, 400, index) / 400 for index in range(400)]
    number, rank = rank_of_good_configurations(with_values(values), 0.099)
    assert number == 40
    assert rank == pytest.approx(0.5, abs=0.1)
