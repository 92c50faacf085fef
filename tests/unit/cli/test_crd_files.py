"""The CRDs are found in any installation of the package."""

from toprung.cli.embedded.host import crd_folder


def test_both_crds_are_found():
    """The files are those of Experiments and Trials."""
    with crd_folder() as folder:
        assert {path.name for path in folder.glob("*.yaml")} == {
            "experiments.toprung.dev.yaml",
            "trials.toprung.dev.yaml",
        }
