"""Search processes end with their operator, which imports none of their libraries."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import toprung
from support.search import FLAT, problem
from support.search_pool import DRAWS, MODELS, answer, evaluations, pid_of
from support.waiting import block_until, wait_until
from toprung.errors import SearchFailed
from toprung.search.process_pool import Limits, SearchPool

SOURCE = str(Path(toprung.__file__).parents[1])


async def test_a_closed_worker_leaves_no_process():
    """No process starts for requests that still wait."""
    pool = SearchPool(Limits(drawing=2))
    await pool.start()
    processes = [process._process for process in pool._processes if not process.models]
    await pool.close()
    assert len(processes) == 2
    assert [process.pid for process in processes if process.returncode is None] == []
    with pytest.raises(SearchFailed, match="closed"):
        await pool.suggest(problem(), {}, [0])


def test_the_operator_imports_no_model():
    """The client's module imports neither optuna nor numpy nor scipy into the operator."""
    code = "import sys, toprung.search.process_pool; print({'optuna', 'numpy', 'scipy'} & set(sys.modules))"
    assert python(code) == "set()\n"


def test_the_process_exits_with_a_killed_operator():
    """Its stdin ends when the operator is killed with SIGKILL."""
    code = """
import asyncio, os, signal
from toprung.search.process_pool import SearchPool
async def main():
    pool = SearchPool()
    await pool.start()
    print(pool._processes[0]._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    search = int(python(code, killed=True))
    block_until(lambda: gone(search))  # the process closes stderr shortly before the kernel removes it


def gone(pid):
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def python(code, *, killed=False):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    assert done.returncode == (-signal.SIGKILL if killed else 0), done.stderr
    assert not done.stderr
    return done.stdout


async def test_ctrl_c_in_the_terminal_does_not_reach_the_process(pool):
    """It has its own session."""
    await pool.start()
    assert os.getsid(pid_of(pool, DRAWS)) != os.getsid(0)


async def test_an_idle_process_with_models_ends():
    """The next request starts it again."""
    pool = SearchPool(Limits(models=1, idle=0.0))
    experiment = problem(FLAT)
    history = evaluations(experiment, 12)
    await pool.suggest(experiment, history, [12])
    await wait_until(lambda: not pool._processes[MODELS].alive)
    assert await pool.suggest(experiment, history, [12]) == answer(experiment, history, [12])
    await pool.close()
