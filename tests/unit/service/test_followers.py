"""What is read of trials."""

import pytest

from toprung.api.errors import ClusterUnavailable
from toprung.collect.follower import Follower, Tracking
from toprung.metrics.grammar import Grammar
from toprung.metrics.types import Progress
from toprung.service.followers import last_words

LINE = b"2026-01-01T00:00:00Z loading data\n"


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        pytest.param(False, ("loading data",), id="read-to-its-end"),
        pytest.param(True, ("loading data", "(the log can't be read: 503)"), id="given-up"),
    ],
)
async def test_last_words(breaks, words):
    """A log that could not be read to its end says so after the program's last lines."""

    async def open_log(_since):
        yield LINE
        if breaks:
            raise ClusterUnavailable("503")

    follower = Follower(
        open_log,
        grammar=Grammar(metrics=("score",)),
        tracking=Tracking("score", maximize=True),
        progress=Progress(),
        on_change=lambda: None,
    )
    follower.finish()
    await follower.run()
    assert last_words(follower) == words
