"""The choice of the cluster, and the errors without one."""

import asyncio
from pathlib import Path

import pytest
import yaml

from toprung.errors import ClusterUnavailable
from toprung.kube.auth import log_in

pytestmark = pytest.mark.looptime


def write_kubeconfig(path: Path, *, token_file: Path | None = None, **contexts: str) -> Path:
    """Write a kubeconfig with contexts for servers of the same names. The first is current."""
    user = {"tokenFile": str(token_file)} if token_file else {"token": "secret"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": name, "cluster": {"server": server}} for name, server in contexts.items()],
                "users": [{"name": "me", "user": user}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in contexts],
                "current-context": next(iter(contexts)),
            }
        )
    )
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Create an empty home folder, outside of a Pod."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


async def test_the_order_of_kubeconfig_sources(home, tmp_path, monkeypatch):
    """An explicit file precedes KUBECONFIG, then the service account, then the home folder."""
    write_kubeconfig(home / ".kube" / "config", home="http://home")
    assert (await log_in(kubeconfig=None, context=None)).host == "http://home"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ClusterUnavailable, match="service account"):
        await log_in(kubeconfig=None, context=None)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "env", env="http://env")))
    assert (await log_in(kubeconfig=None, context=None)).host == "http://env"
    given = write_kubeconfig(tmp_path / "given", given="http://given")
    assert (await log_in(kubeconfig=given, context=None)).host == "http://given"


async def test_a_context_is_read_from_files(home, monkeypatch):
    """A named context is that of the file, also in a Pod, because a service account has none."""
    write_kubeconfig(home / ".kube" / "config", first="http://first", second="http://second")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert (await log_in(kubeconfig=None, context="second")).host == "http://second"


@pytest.mark.parametrize(
    ("content", "context", "message"),
    [
        pytest.param(None, None, "does not exist.*--kubeconfig.*toprung local up", id="no file"),
        pytest.param("[", None, "config: ", id="no YAML"),
        pytest.param("just text", None, "config: ", id="no kubeconfig"),
        pytest.param("{}", None, "current-context", id="empty"),
        pytest.param("good", "nope", "nope", id="unknown context"),
    ],
)
async def test_the_error_without_a_cluster(home, content, context, message):
    """The message has the file, the error and the correction."""
    path = home / ".kube" / "config"
    if content is not None:
        write_kubeconfig(path, good="http://good")
        if content != "good":
            path.write_text(content)
    with pytest.raises(ClusterUnavailable, match=message):
        await log_in(kubeconfig=None, context=context)


async def test_tokens_are_renewed_once_a_minute(home, tmp_path):
    """A rotated token file is read again, but not for each request."""
    token_file = tmp_path / "token"
    token_file.write_text("one")
    path = write_kubeconfig(tmp_path / "config", token_file=token_file, a="http://a")
    configuration = await log_in(kubeconfig=path, context=None)

    async def token() -> str:
        return (await configuration.auth_settings())["BearerToken"]["value"]

    token_file.write_text("two")
    assert await token() == "Bearer one"
    await asyncio.sleep(61)
    assert await token() == "Bearer two"
