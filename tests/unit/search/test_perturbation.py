"""The values that perturbation produces."""

import pytest

from support.search import CONDITIONAL, parameters
from toprung.search.perturbation import explore
from toprung.search.space import Space


def neighbours(body, value, factors=(0.8, 1.2), resample_probability=0.0):
    """Return all values that perturbation of a value produces, over many seeds."""
    space = Space.of(parameters({"name": "x", **body}))
    options = {"resample_probability": resample_probability, "factors": factors}
    return {explore(space, {"x": value}, seed, **options)["x"] for seed in range(200)}


@pytest.mark.parametrize(
    ("body", "value", "found"),
    [
        pytest.param({"type": "double", "min": 0, "max": 10}, 5.0, {4.0, 6.0}, id="double"),
        pytest.param({"type": "double", "min": 0, "max": 10}, 5, {4.0, 6.0}, id="double-read-as-int"),
        pytest.param({"type": "double", "min": -10, "max": 0}, -5.0, {-4.0, -6.0}, id="negative"),
        pytest.param({"type": "double", "min": 4.5, "max": 5.5}, 5.0, {4.5, 5.5}, id="clipped"),
        pytest.param({"type": "double", "min": -1, "max": 1}, 0.0, {0.0}, id="zero-stays-until-resampled"),
        pytest.param({"type": "double", "min": 0, "max": 1, "step": 0.1}, 0.5, {0.4, 0.6}, id="steps"),
        pytest.param({"type": "double", "min": 0, "max": 1, "step": 0.1}, 0.1, {0.0, 0.2}, id="one-step-at-least"),
        pytest.param({"type": "int", "min": 1, "max": 100}, 50, {40, 60}, id="int"),
        pytest.param({"type": "int", "min": 1, "max": 100}, 2, {1, 3}, id="int-moves"),
        pytest.param({"type": "int", "min": 1, "max": 100}, 1, {1, 2}, id="int-at-its-bound"),
        pytest.param({"type": "int", "min": -3, "max": 3}, -1, {-2, 0}, id="negative-int-moves-the-same-way"),
        pytest.param({"type": "int", "min": 8, "max": 80, "step": 8}, 40, {32, 48}, id="int-with-steps"),
        pytest.param({"type": "ordinal", "values": [1, 10, 100]}, 10, {1, 100}, id="ordinal"),
        pytest.param({"type": "ordinal", "values": [1, 10, 100]}, 100, {10, 100}, id="ordinal-at-its-end"),
        pytest.param({"type": "categorical", "values": ["a", "b", "c"]}, "a", {"a", "b"}, id="categorical"),
    ],
)
def test_numbers_are_multiplied_and_list_values_move_by_one(body, value, found):
    """The results are within the bounds and on the steps."""
    assert neighbours(body, value) == found


def test_resampling_has_the_configured_probability():
    """With probability 1 each value is drawn again. With 0.25 a quarter is."""
    body = {"type": "double", "min": 0, "max": 10}
    assert len(neighbours(body, 5.0, resample_probability=1.0)) == 200
    assert 25 < len(neighbours(body, 5.0, resample_probability=0.25) - {4.0, 6.0}) < 75


def test_conditional_parameters_follow_their_condition():
    """A parameter that becomes active is drawn. An inactive one is absent."""
    start = {"lr": 0.01, "opt": "adam"}
    found = [
        explore(Space.of(CONDITIONAL), start, seed, resample_probability=0.0, factors=(0.8, 1.2)) for seed in range(50)
    ]
    assert {each["opt"] for each in found} == {"sgd", "lion"}
    assert [each for each in found if ("momentum" in each) != (each["opt"] == "sgd")] == []
    assert len({each["momentum"] for each in found if "momentum" in each}) > 10
