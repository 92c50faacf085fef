"""The example of localkube's README."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "operator" / "localkube" / "README.md"


async def test_the_example_in_the_readme_runs(tmp_path):
    """The code starts a cluster, creates a Pod and stops the cluster."""
    namespace = {}
    exec(re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1], namespace)
    await namespace["run_pod"](tmp_path / "state")
    assert (tmp_path / "state" / "cluster.sqlite").exists()
