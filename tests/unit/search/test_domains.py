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
        pytest.param(STEPS, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], id="steps-are-exact"),
        pytest.param({"type": "int", "min": 2, "max": 8, "step": 3}, [2, 5, 8], id="int-steps"),
        pytest.param({"type": "ordinal", "values": [32, "auto", 0.5]}, [32, "auto", 0.5], id="ordinal"),
        pytest.param({"type": "categorical", "values": [1, True]}, [1, True], id="one-is-not-true"),
    ],
)
def test_finite_domains_list_their_values(body, values):
    """Positions start at 0, values have their exact types, and the conversions are inverse."""
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
        pytest.param(STEPS, "0.1", id="string"),
        pytest.param(STEPS, True, id="bool"),
        pytest.param({"type": "int", "min": 0, "max": 9}, 1.5, id="fraction"),
        pytest.param({"type": "ordinal", "values": [1, 2]}, True, id="true-for-1"),
    ],
)
def test_a_value_outside_of_the_domain_is_rejected(body, value):
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
def test_grid_points_are_even_on_the_scale(body, values):
    """There are five points of the range's type, with both ends."""
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
def test_a_finite_domain_is_its_own_grid(body):
    """A step or few values are the user's choice."""
    assert gridded(domain(**body), 5) == domain(**body)
