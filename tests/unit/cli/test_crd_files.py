"""The CRDs are found wherever the package runs from."""

from toprung.cli.files.crd_files import crd_folder


def test_both_definitions_are_found():
    """Experiments and Trials."""
    with crd_folder() as folder:
        assert {path.name for path in folder.glob("*.yaml")} == {
            "experiments.toprung.dev.yaml",
            "trials.toprung.dev.yaml",
        }
