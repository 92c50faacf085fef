"""The measure of what a space has to learn: it sees what is there, and nothing where values are noise."""

from dataclasses import replace

import pytest
from contestants import RECORDED, Source
from space_structure import place_of_the_good

from toprung.search.seeds import permuted
from toprung.simulate.learning_curves import Table


def with_values(values):
    """Give the digits table with other values."""
    source = RECORDED["digits"]()
    curves = [
        replace(curve, values=(value,) * len(curve.values))
        for curve, value in zip(source.table.curves, values, strict=True)
    ]
    return Source(source.manifest, Table(tuple(curves)))


def test_a_value_that_follows_a_parameter_is_found():
    widths = [curve.parameters["width"] for curve in RECORDED["digits"]().table.curves]
    number, place = place_of_the_good(with_values([width / 128 for width in widths]), 0.1)
    assert number == sum(width >= max(widths) - 12.8 for width in widths)
    assert place < 0.1


def test_noise_is_not():
    values = [permuted(1, 400, index) / 400 for index in range(400)]
    number, place = place_of_the_good(with_values(values), 0.099)
    assert number == 40
    assert place == pytest.approx(0.5, abs=0.1)
