"""Properties of search spaces."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from toprung.api.v1alpha1.parameters import Parameter
from toprung.search.perturbation import explore
from toprung.search.samplers.grid import shuffled
from toprung.search.samplers.random import draw as draw_evenly
from toprung.search.space import Space
from toprung.seeds import permuted

VALUES = st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["a", "b", "c"]), st.booleans()), min_size=1, max_size=4)
UNITS = st.floats(0, 1, exclude_max=True)


@st.composite
def parameters(draw, finite=False):
    """Draw a few parameters, some of which depend on an earlier one."""
    found: list[Parameter] = []
    for number in range(draw(st.integers(1, 5))):
        kinds = ["int", "ordinal", "categorical", "steps"] + ([] if finite else ["double", "log", "logint"])
        body = {"name": f"p{number}", **draw(st.sampled_from(kinds).flatmap(_body))}
        deciders = [one for one in found if one.values]
        if deciders and draw(st.booleans()):
            decider = draw(st.sampled_from(deciders))
            allowed = draw(st.lists(st.sampled_from(decider.values), min_size=1, unique_by=repr))
            body["when"] = {"parameter": decider.name, "in": allowed}
        try:
            found.append(Parameter.model_validate(body))
        except ValidationError:  # a list with the same value twice
            found.append(Parameter(name=f"p{number}", type="categorical", values=("x", "y")))
    return tuple(found)


def _body(kind):
    low, high = st.integers(-5, 0), st.integers(1, 4)
    match kind:
        case "int":
            return st.builds(lambda a, b: {"type": "int", "min": a, "max": b}, low, high)
        case "logint":
            return st.builds(lambda a: {"type": "int", "min": a, "max": 99, "scale": "log"}, st.integers(1, 50))
        case "steps":
            return st.builds(
                lambda a, n, s: {"type": "double", "min": a / 10, "max": round(a / 10 + n * s, 3), "step": s},
                low,
                high,
                st.sampled_from([0.1, 0.25, 0.001]),
            )
        case "double":
            return st.builds(lambda a, b: {"type": "double", "min": a, "max": b}, low, high)
        case "log":
            return st.builds(
                lambda a: {"type": "double", "min": 10.0**a, "max": 1, "scale": "log"}, st.integers(-9, -1)
            )
    return VALUES.map(lambda values: {"type": kind, "values": values})


@given(parameters(), st.data())
def test_every_quantile_is_a_valid_value(space, data):
    """A configuration made of quantiles is valid, and converting it to exact types changes nothing."""
    space = Space.of(space)
    configuration = space.complete(lambda one: one.domain.at(data.draw(UNITS)))
    space.positions(configuration)
    exact = space.exact(configuration)
    assert {name: (type(value), value) for name, value in exact.items()} == {
        name: (type(value), value) for name, value in configuration.items()
    }


@given(parameters(), st.data())
def test_json_does_not_change_the_key_of_a_configuration(space, data):
    """Whole floats that become integers in JSON are the same configuration."""
    space = Space.of(space)
    configuration = space.complete(lambda one: one.domain.at(data.draw(UNITS)))
    back = {n: int(v) if isinstance(v, float) and v.is_integer() else v for n, v in configuration.items()}
    assert space.key(back) == space.key(configuration) is not None


@given(parameters(finite=True))
def test_ranks_and_combinations_are_one_to_one(space):
    """The size of the space is that of a count by hand."""
    space = Space.of(space)
    keys = [space.key(space.combination(rank)) for rank in range(space.size)]
    assert None not in keys
    assert len(set(keys)) == space.size == _count(space, {}, 0)


def _count(space, configuration, number):
    if number == len(space.dimensions):
        return 1
    one = space.dimensions[number]
    if not one.active(configuration):
        return _count(space, configuration, number + 1)
    values = [one.domain.value(position) for position in range(one.domain.count)]
    return sum(_count(space, {**configuration, one.name: value}, number + 1) for value in values)


@given(parameters(), st.integers(2, 4))
def test_a_grid_is_part_of_its_space(space, points):
    """Each combination of the grid is valid in the space, and occurs once."""
    space = Space.of(space)
    grid = space.gridded(points)
    keys = [space.key(configuration) for configuration in shuffled(grid, seed=1)]
    assert None not in keys
    assert len(set(keys)) == grid.size


@given(st.integers(0, 2**63), st.integers(1, 300))
def test_a_permutation_has_each_element_once(seed, size):
    """It has no element twice and none is missing."""
    assert sorted(permuted(seed, size, index) for index in range(size)) == list(range(size))


@given(st.integers(0, 2**63), st.integers(2**60, 2**200), st.data())
def test_a_large_permutation_stays_within_its_size(seed, size, data):
    """No size is too large, and different indices have different elements."""
    one, other = data.draw(st.integers(0, 1000)), data.draw(st.integers(1001, 2000))
    assert 0 <= permuted(seed, size, one) < size
    assert permuted(seed, size, one) != permuted(seed, size, other)


FACTORS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=3).map(tuple)


@given(parameters(), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.floats(0, 1), FACTORS)
def test_perturbation_stays_in_the_space(declared, origin, seed, resample_probability, factors):
    """For any factors, bounds, steps and conditions hold, and the same seed has the same result."""
    space = Space.of(declared)
    start = draw_evenly(space, origin)
    options = {"resample_probability": resample_probability, "factors": factors}
    found = explore(space, start, seed, **options)
    assert space.positions(found).keys() == found.keys()
    assert explore(space, start, seed, **options) == found
