"""Check that experiments which recorded curves cannot represent are rejected."""

import pytest

from support.specs import experiment_spec
from toprung.simulate.configuration_source import InOrder
from toprung.simulate.learning_curves import InvalidTable, Table
from toprung.simulate.simulation import Simulation


def test_several_objectives_are_not_simulated():
    """A table has the curves of one metric."""
    all_objectives = [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}]
    with pytest.raises(InvalidTable, match="is of one metric; write objective"):
        Simulation(experiment_spec(objective=None, objectives=all_objectives), Table(()), InOrder(())).run()


def test_a_warm_start_is_not_simulated():
    """A table has the curves of one experiment only."""
    spec = experiment_spec(warmStart={"experiments": ["earlier", "other"]})
    with pytest.raises(InvalidTable, match=r"spec\.warmStart .* trials of earlier, other; leave it out"):
        Simulation(spec, Table(()), InOrder(())).run()


def test_changing_parameters_are_not_simulated():
    """The trials of a population change their parameters, and no recorded curve does."""
    spec = experiment_spec(
        earlyStopping={"pbt": {"perturbationInterval": 2, "maxResource": 8}},
        checkpoint={"volume": {"emptyDir": {}}},
        parallelTrialCount=6,
    )
    with pytest.raises(InvalidTable, match="no table has recorded"):
        Simulation(spec, Table(()), InOrder(())).run()
