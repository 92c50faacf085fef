"""Releases: one version in all files, and a changelog with the changes of each release."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("release", ROOT / "hack" / "release.py")
assert _spec is not None
assert _spec.loader is not None
release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(release)


@pytest.mark.parametrize("name", release.COPIES)
def test_every_copy_of_the_version_is_the_one_of_the_package(name):
    """The chart, the SDK and the image tags in the documentation have the version of pyproject.toml."""
    found = re.findall(release.COPIES[name], (ROOT / name).read_text())
    assert found
    assert set(found) == {release.current_version()}


@pytest.mark.parametrize("name", release.COPIES)
def test_a_release_writes_every_copy(name):
    """No old version is left in a file, and nothing else of it changes."""
    text, pattern = (ROOT / name).read_text(), release.COPIES[name]
    written = release.write_version(text, pattern, "9.8.7-rc.1")
    assert set(re.findall(pattern, written)) == {"9.8.7-rc.1"}
    assert release.write_version(written, pattern, release.current_version()) == text


def test_unreleased_changes_become_those_of_the_version():
    """The new section Unreleased is empty, and older sections stay."""
    text = "# Changelog\n\n## Unreleased\n\n### Added\n- One.\n\n## 0.1.0 - 2026-01-01\n"
    assert release.release_changelog(text, "0.2.0", "2026-02-03") == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n### Added\n- One.\n\n## 0.1.0 - 2026-01-01\n"
    )


@pytest.mark.parametrize("text", ["# Changelog\n", "## Unreleased\n\n## 0.1.0\n"])
def test_a_release_without_changes_is_rejected(text):
    """A version without changes for users is a mistake."""
    with pytest.raises(ValueError, match="has no entries"):
        release.release_changelog(text, "0.2.0", "2026-02-03")


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.3", "1.2.3.4", "1.2.3-foo", "1.2.3 "])
def test_an_invalid_version_is_rejected(version):
    """No file is written before the check."""
    assert "Invalid value" in release.main(version)
