"""Histories for a search pool, the answers of a local study, and the processes of the pool."""

from support.search import negative_sum, run
from toprung.search.study import Study

DRAWS, MODELS = 0, 1


def pid_of(pool, process=MODELS):
    return pool._processes[process]._process.pid


def evaluations(problem, trials):
    return {one.index: one for one in run(problem, trials, negative_sum)}


def answer(experiment, history, indices):
    study = Study(experiment)
    study.update(history.values())
    return study.suggest(indices)
