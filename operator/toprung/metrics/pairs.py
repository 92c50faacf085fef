"""Names with their numbers anywhere in a line, as most programs and frameworks print them.

- ``[epoch=3/10] val_accuracy=0.91, loss = nan``
- ``Epoch 3: 12/12 - loss: 0.4 - val_loss: 0.5`` (Keras, Lightning)
- ``{'eval_loss': '0.51', 'epoch': 1.0}``, ``{'loss': np.float64(0.5)}`` (Python dicts, Hugging Face)
- ``[10]<tab>validation-auc:0.93`` (XGBoost), ``[10]<tab>valid_0's auc: 0.9`` (LightGBM): the step is in the brackets
"""

import re
from collections.abc import Iterator, Sequence

from toprung.metrics.found import Found
from toprung.metrics.numerals import MEAN_OF_FOLDS, NUMBER, STEP, VALUE, numeric

_BEFORE = r"(?<![\w./:@-])"
"""A name is not a part of another one, of a path or of an option."""
_LOGGER = re.compile(r"\s*+(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]{0,128}+:")
"""What Python's logging puts in front of a message."""
_ROUND = re.compile(rf"\s*+\[({NUMBER})\]\t")
_HEADING = re.compile(r"\s*+Epoch[ \t]{1,4}([0-9]{1,15}+)(?=[ \t]{0,2}(?:/[ \t]{0,2}[0-9]|:|[ \t]|\Z))")


class PairReader:
    """Reads the pairs of the metrics and steps of one experiment."""

    def __init__(self, metrics: Sequence[str], step_names: Sequence[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(metrics, key=len, reverse=True))
        steps = "|".join(re.escape(name) for name in sorted(step_names, key=len, reverse=True))
        end = r"[ \t]{0,8}+(?:=|:)[ \t]{0,16}+"
        self._metric = re.compile(rf"{_BEFORE}[\"']?({names})[\"']?{end}")
        self._quoted = re.compile(rf"([\"'])({names})\1{end}")
        self._step = re.compile(rf"(?i){_BEFORE}[\"']?({steps})(?:[\"']?{end}|([ \t]{{1,4}}+)(?=[\[0-9]))")
        self._step_names = {name.lower(): name for name in reversed(step_names)}
        self._first_step = step_names[0]

    def parse(self, text: str) -> Found:
        """Return the metrics of a line; with its steps where it has a metric."""
        logger = _LOGGER.match(text)
        body = text[logger.end() :] if logger else text
        round_ = _ROUND.match(body)
        values: dict[str, float] = {}
        rejected: dict[str, str] = {}
        for name, at in self._metrics(body):
            match = VALUE.match(body, at) or (MEAN_OF_FOLDS.match(body, at) if round_ else None)
            if match:
                values.setdefault(name, float(match[1]))
            elif numeric(body[at : at + 4]):
                rejected.setdefault(name, body[at : at + 64].split(maxsplit=1)[0])
        if not values and not rejected:
            return Found()
        steps, bad_steps = self._steps(body)
        if round_ and not steps:
            steps = {self._first_step: float(round_[1])}
        rejected = {name: found for name, found in rejected.items() if name not in values}
        return Found({**steps, **values}, {**bad_steps, **rejected})

    def heading(self, text: str) -> float | None:
        """Return the epoch that a line begins with, as in ``Epoch 3/10``, for the lines after it."""
        match = _HEADING.match(text)
        return float(match[1]) if match else None

    def _metrics(self, body: str) -> Iterator[tuple[str, int]]:
        stripped = body.strip()
        if stripped.startswith("{"):  # a dict, or a part of one: texts in it are not pairs
            if "}" not in stripped:
                return iter(())
            return ((match[2], match.end()) for match in self._quoted.finditer(body))
        return ((match[1], match.end()) for match in self._metric.finditer(body))

    def _steps(self, body: str) -> tuple[dict[str, float], dict[str, str]]:
        steps: dict[str, float] = {}
        bad: dict[str, str] = {}
        for found in self._step.finditer(body):
            name, at = self._step_names.get(found[1].lower(), found[1]), found.end()
            if match := STEP.match(body, at):
                steps.setdefault(name, float(match[1]))
            elif numeric(body[at : at + 4]):
                bad.setdefault(name, body[at : at + 64].split(maxsplit=1)[0])
        return steps, {name: text for name, text in bad.items() if name not in steps}
