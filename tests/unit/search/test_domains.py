"""Values, positions and quantiles of single parameters."""

import pytest

from support.search import parameters
from toprung.search.domains import domain_of, gridded


def domain(**body):
    return domain_of(parameters({"name": "x", **body})[0])


STEPS = {"type": "double", "min": 0, "max": 0.5, "step": 0.1}
LOG = {"type": "double", "min": 1e-4, "max": 1, "scale": "log"}
LOG_INT = {"type": "int", "min": 1, "max": 1000, "scale": "log"}


@pytest.mark.parametrize(
    ("body", "values"),
    [
        pytest.param(STEPS, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], id="steps-print-well"),
        pytest.param({"type": "int", "min": 2, "max": 8, "step": 3}, [2, 5, 8], id="int-steps"),
        pytest.param({"type": "ordinal", "values": [32, "auto", 0.5]}, [32, "auto", 0.5], id="ordinal"),
        pytest.param({"type": "categorical", "values": [1, True]}, [1, True], id="one-is-not-true"),
    ],
)
def test_finite_domains_list_their_values(body, values):
    """Positions count from 0, values have their exact types, and both are inverse."""
    finite = domain(**body)
    found = [finite.value(position) for position in range(finite.count)]
    assert [(type(one), one) for one in found] == [(type(one), one) for one in values]
    assert [finite.position(one) for one in found] == list(range(len(values)))
    evenly = [finite.at((position + 0.5) / finite.count) for position in range(finite.count)]
    assert evenly == values


@pytest.mark.parametrize(
    ("body", "unit", "value"),
    [
        pytest.param(LOG, 0.0, 1e-4, id="log-low"),
        pytest.param(LOG, 0.5, 1e-2, id="log-middle"),
        pytest.param({"type": "double", "min": -1, "max": 3}, 0.5, 1.0, id="linear-middle"),
        pytest.param(LOG_INT, 0.0, 1, id="log-int-low"),
        pytest.param(LOG_INT, 1 - 2**-53, 1000, id="log-int-high"),
        pytest.param({"type": "int", "min": 0, "max": 9}, 1 - 2**-53, 9, id="int-high"),
    ],
)
def test_quantiles_follow_the_scale(body, unit, value):
    """The middle of a logarithmic range is its geometric mean."""
    assert domain(**body).at(unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(STEPS, 0.25, id="between-steps"),
        pytest.param(STEPS, 0.6, id="above"),
        pytest.param(STEPS, "0.1", id="text"),
        pytest.param(STEPS, True, id="bool"),
        pytest.param({"type": "int", "min": 0, "max": 9}, 1.5, id="fraction"),
        pytest.param({"type": "ordinal", "values": [1, 2]}, True, id="true-for-1"),
    ],
)
def test_what_is_outside_is_refused(body, value):
    """The message quotes the value."""
    with pytest.raises(ValueError, match="is not"):
        domain(**body).position(value)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        pytest.param({"type": "double", "min": 0, "max": 1}, (0.0, 0.25, 0.5, 0.75, 1.0), id="linear"),
        pytest.param(LOG, (1e-4, 1e-3, 1e-2, 1e-1, 1.0), id="log"),
        pytest.param({"type": "int", "min": 0, "max": 100}, (0, 25, 50, 75, 100), id="int"),
        pytest.param({"type": "int", "min": 1, "max": 81, "scale": "log"}, (1, 3, 9, 27, 81), id="log-int"),
    ],
)
def test_ranges_are_cut_evenly_on_their_scale(body, values):
    """Five points, both ends included, of the range's own type."""
    cut = gridded(domain(**body), 5).values
    assert cut == pytest.approx(values)
    assert {type(one) for one in cut} == {type(values[0])}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(STEPS, id="steps"),
        pytest.param({"type": "int", "min": 1, "max": 5}, id="few-ints"),
        pytest.param({"type": "int", "min": 0, "max": 100, "step": 10}, id="int-steps"),
        pytest.param({"type": "categorical", "values": ["a"]}, id="list"),
    ],
)
def test_what_is_listed_already_is_not_cut(body):
    """A step, or few values, is what the author wants."""
    assert gridded(domain(**body), 5) == domain(**body)
