"""Checks whether the CRDs are served. They may be created after the operator starts, and deleted later."""

import asyncio
import logging
from typing import Never

from toprung.api.v1alpha1.base import API_VERSION
from toprung.errors import ClusterError, NotFound
from toprung.kube.client import KubeClient

KINDS = ("Experiment", "Trial")
RETRY_EVERY = 2.0
"""Seconds between two checks while the CRDs are missing."""
CHECK_EVERY = 10.0
"""Seconds between two checks while they are served."""
LOG_EVERY = 30
"""Checks; a missing CRD is logged once a minute."""

logger = logging.getLogger(__name__)


async def wait_until_served(client: KubeClient) -> None:
    """Wait until all kinds of TopRung are served."""
    checks = 0
    while (problem := await _problem(client)) is not None:
        if checks % LOG_EVERY == 0:
            logger.warning("waiting for the CRDs: %s. Install them: kubectl apply -f crds/", problem)
        checks += 1
        await asyncio.sleep(RETRY_EVERY)


async def watch_served(client: KubeClient) -> Never:
    """Check regularly that the kinds of TopRung are served.

    Raises:
        NotFound: a CRD was deleted. The operator ends, is restarted, and waits until the CRD is served.
    """
    while True:
        await asyncio.sleep(CHECK_EVERY)
        if isinstance(problem := await _problem(client), NotFound):
            raise NotFound(f"a CRD was deleted, the operator ends: {problem}", status=problem.status)


async def _problem(client: KubeClient) -> ClusterError | None:
    try:
        for kind in KINDS:
            await client.resource_of(API_VERSION, kind)
    except ClusterError as error:
        return error
    return None
