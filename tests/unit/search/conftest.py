"""A search pool, and a sampler that hangs."""

from dataclasses import replace

import pytest

from scenarios.examples import install_package
from support.search import FLAT, problem
from toprung.search.process_pool import Limits, SearchPool


@pytest.fixture
async def pool():
    started = SearchPool(Limits(models=1, batch=60.0))
    yield started
    await started.close()


HANGING = """
import os, time
from toprung.search.samplers.random import Uniform

class Hanging(Uniform):
    def suggest(self, request):
        if request.index in (3, 5):
            parent = os.fork()  # a process of its own, which keeps the pipes open
            if parent and request.index == 5:
                os._exit(1)
            time.sleep(1e6)
        return super().suggest(request)

def make(space, settings, seed):
    return Hanging(space)
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """Install a sampler that hangs at trial 3, and that exits at trial 5 with a child that hangs."""
    install_package(tmp_path, "toprung.samplers", {"hanging": "hanging:make"}, {"hanging": HANGING})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return replace(problem(FLAT, "plugin", name="hanging"), key="hanging")
