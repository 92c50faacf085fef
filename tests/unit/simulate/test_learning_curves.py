"""Check how recorded curves are read and assigned."""

import pytest

from support.specs import experiment_spec
from toprung.simulate.configuration_source import Nearest
from toprung.simulate.learning_curves import Curve, InvalidTable, Table, read_table

SPEC = experiment_spec(
    parameters=[
        {"name": "lr", "type": "double", "min": 0.0001, "max": 0.1, "scale": "log"},
        {"name": "opt", "type": "categorical", "values": ["sgd", "adam"]},
        {"name": "momentum", "type": "double", "min": 0, "max": 0.9, "when": {"parameter": "opt", "in": ["sgd"]}},
        {"name": "batch", "type": "ordinal", "values": [32, 64]},
    ],
    trialTemplate={"template": {"spec": {"containers": [{"name": "main", "image": "img", "command": ["train"]}]}}},
)
HEADER = "configuration,lr,opt,momentum,batch,step,acc,seconds"


def test_a_table_is_read():
    """Types are those of the space, an empty cell is an inactive parameter, and NaN is a value."""
    lines = [HEADER, "0,0.01,sgd,0.5,32,1,0.5,2", "0,0.01,sgd,0.5,32,2,nan,2.5", "a,0.1,adam,,64,1,0.75,1"]
    first, second = read_table(lines, SPEC).curves
    assert first.parameters == {"lr": 0.01, "opt": "sgd", "momentum": 0.5, "batch": 32}
    assert first.values[0] == 0.5
    assert first.values[1] != first.values[1]
    assert first.seconds == (2.0, 2.5)
    assert second == Curve({"lr": 0.1, "opt": "adam", "batch": 64}, (0.75,), (1.0,))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(["configuration,lr"], "no column step, seconds, acc, opt", id="columns"),
        pytest.param([HEADER], "no lines", id="empty"),
        pytest.param(
            [HEADER, "0,0.01,sgd,0.5,32,2,0.5,2"],
            "line 2: expected step 1 of configuration 0, found '2'",
            id="step-missing",
        ),
        pytest.param([HEADER, "0,0.01,sgd,0.5,32,1,good,2"], "line 2: acc is 'good'", id="no-number"),
        pytest.param([HEADER, "0,0.01,sgd,0.5,32,1,0.5,-1"], "line 2: seconds are '-1'", id="negative-seconds"),
        pytest.param([HEADER, "0,0.5,sgd,0.5,32,1,0.5,1"], "line 2: not in the experiment's space", id="out-of-range"),
        pytest.param([HEADER, "0,0.01,adam,0.5,32,1,0.5,1"], "momentum", id="not-active"),
        pytest.param([HEADER, "0,0.01,lion,,32,1,0.5,1"], "none of sgd, adam", id="not-listed"),
        pytest.param([HEADER, "0,0.01,adam,,32,1,nan,1"], "never finite", id="nothing-finite"),
    ],
)
def test_an_invalid_table_is_rejected(lines, message):
    """The message names the line and the error."""
    with pytest.raises(InvalidTable, match=message):
        read_table(lines, SPEC)


def test_a_suggestion_becomes_the_nearest_free_row():
    """The distance is on the scale of the parameter, each row is used once, and the sampler observes the row."""
    rates = (0.0001, 0.001, 0.0101, 0.1)
    rows = Table(tuple(Curve({"lr": rate, "opt": "adam", "batch": 32}, (0.5,), (1.0,)) for rate in rates))
    wanted = SPEC.model_copy(update={"initial_trials": ({"lr": 0.01, "opt": "adam", "batch": 32},) * 2})
    source = Nearest(wanted, rows, 0)
    assert source.choose((0,), ()) == {0: 2}
    assert source.choose((1,), ())[1] in (1, 3)
    assert set(source.choose((2, 3, 4), ()).values()) <= {0, 1, 3}
    assert source.choose((5,), ()) == {}
