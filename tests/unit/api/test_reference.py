"""The page of settings matches the models."""

from pathlib import Path

import pytest

from toprung.api.crd.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_up_to_date():
    """The page is the output of `python -m toprung.api.crd.reference docs/settings.md`."""
    assert PAGE.read_text() == page()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("| `startupTrials` | integer | `10` | at least 0, at most 10,000 | Number of", id="default-and-bounds"),
        pytest.param("| `populationSize` | integer | unset | at least 4, at most 10,000 | Number of", id="unset"),
        pytest.param("| `maxResource` | integer | required | at least 1, at most", id="required"),
        pytest.param("| `sigma` | number | `0.2` | above 0, at most 1 | ", id="exclusive-bound"),
        pytest.param("| `variant` | `promotion` or `stopping` | ", id="one-of-several"),
        pytest.param("| `settings` | object | `{}` | at most 64 entries | ", id="anything"),
        pytest.param("| `perturbationFactors` | list of numbers | `[0.8, 1.2]` | at least 1 entry, at most 16 entries; each above 0 | ", id="list"),
        pytest.param("| `trials` | integer | required | at least 1, at most 100,000 | Number of trials in a row", id="no-progress"),
        pytest.param("| `maxDuration` | duration | unset | ", id="duration"),
        pytest.param("| `suspend` | boolean | `false` | ", id="boolean"),
        pytest.param("| `keep` | `all` or `failed` or `none` | `all` | ", id="pod-retention"),
        pytest.param("### `qmc`", id="without-settings"),
    ],
)  # fmt: skip
def test_a_row_describes_a_setting(row):
    """A row has the name, type, default, bounds and meaning of a setting."""
    assert any(line.startswith(row) for line in page().splitlines())
