"""A namespace has a bounded number of concurrent requests."""

import asyncio

import pytest

from toprung.kube.request_limits import PER_NAMESPACE, RequestLimits, namespace_of


@pytest.mark.parametrize(
    ("path", "namespace"),
    [
        pytest.param("/api/v1/namespaces/team-a/pods", "team-a", id="core group"),
        pytest.param("/apis/toprung.dev/v1alpha1/namespaces/team-a/trials/t/status", "team-a", id="named group"),
        pytest.param("/api/v1/namespaces/team-a", "team-a", id="the namespace itself"),
        pytest.param("/api/v1/nodes/n", None, id="cluster-scoped"),
        pytest.param("/apis/toprung.dev/v1alpha1/trials", None, id="all namespaces"),
        pytest.param("/api/v1/namespaces/", None, id="no name"),
    ],
)
def test_the_path_determines_the_namespace(path, namespace):
    """A request counts for the namespace in its URL."""
    assert namespace_of(path) == namespace


async def hold(shares: RequestLimits, path: str, running: list[str], release: asyncio.Event) -> None:
    async with shares.slot(path):
        running.append(path)
        await release.wait()


async def test_requests_beyond_the_bound_wait_and_those_of_other_namespaces_do_not():
    """A namespace has eight concurrent requests. The state of idle namespaces is dropped."""
    shares, running, release = RequestLimits(), [], asyncio.Event()
    paths = ["/api/v1/namespaces/a/pods"] * (PER_NAMESPACE + 5) + ["/api/v1/namespaces/b/pods", "/api/v1/nodes"]
    tasks = [asyncio.create_task(hold(shares, path, running, release)) for path in paths]
    await asyncio.sleep(0.01)
    assert (len(shares), running) == (2, paths[:PER_NAMESPACE] + paths[-2:])
    tasks[0].cancel()
    tasks[PER_NAMESPACE + 1].cancel()  # one that waits
    await asyncio.sleep(0.01)
    assert running.count("/api/v1/namespaces/a/pods") == PER_NAMESPACE + 1
    release.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (len(shares), len(running)) == (0, len(paths) - 1)
