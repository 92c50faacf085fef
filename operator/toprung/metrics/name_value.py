"""Names with their numbers anywhere in a line, as most programs and frameworks print them.

- ``[epoch=3/10] val_accuracy=0.91, loss = nan``
- ``Epoch 3: 12/12 - loss: 0.4 - val_loss: 0.5`` (Keras, Lightning)
- ``{'eval_loss': '0.51', 'epoch': 1.0}``, ``{'loss': np.float64(0.5)}`` (Python dicts, Hugging Face)
- ``[10]<tab>validation-auc:0.93`` (XGBoost), ``[10]<tab>valid_0's auc: 0.9`` (LightGBM): the step is in the brackets
- ``| ep_rew_mean | 21.4 |``: a row of two cells (Stable-Baselines3, Lightning's ``validate`` and ``test``)
- `` * Acc@1 35.031 Acc@5 60.2``: a summary of names and numbers in turn (the examples of PyTorch and torchvision)
"""

import re
from collections.abc import Collection, Iterator, Sequence

from toprung.metrics.line_contents import LineContents, read_cells, split_ambiguous
from toprung.metrics.numerals import (
    MEAN_OF_FOLDS,
    NEXT_PAIR,
    NUMBER,
    SECOND_VALUE,
    STEP,
    VALUE,
    number,
    numeric,
    phrase,
)
from toprung.metrics.quoting import mask, without_program_text

_QUOTING = re.compile(r"[\"'{]")
_WIDTH = 48
"""Characters in which a value begins, with its type."""
_BEFORE = r"(?<![\w./@-])"
"""A name is not a part of another one, of a path or of an option."""
_LOGGER = re.compile(r"\s*+(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]{0,128}+:")
"""What Python's logging puts in front of a message."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}+")
_LEVELS = frozenset({"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "and", "with"})
"""Words before a name that are no part of it."""
_CLOCK = re.compile(r"[0-9]:[0-9]{2}(?:[.,][0-9]{1,9})?[ ]?(?:(?i:[AP]M)|UTC|GMT|Z|[ECMPBIJK][ES]?[SD]?T) ?\Z")
"""A time with what belongs to it: `12:00:01 PM`."""
_TIME = re.compile(r"[0-9]:[0-9]{2}(?:[.,][0-9]{1,9})?Z?\Z")
_PHASES = frozenset({"train", "training", "val", "valid", "validation", "test", "eval", "evaluation"})
"""Words before the name of a step that do not change its meaning."""
_BAR = re.compile(r"[0-9]{1,3}%\|[^|]{0,512}+\|[ \t]{0,4}([0-9]{1,15}+)/|([0-9]{1,15}+)[A-Za-z]{1,16} ?\[")
_NO_STEP = re.compile(rf"[0-9.]{{1,8}}+%|\||{NEXT_PAIR}")
"""What follows a label such as `Epoch:` that is not the step."""
_ROUND = re.compile(rf"\s*+\[({NUMBER})\]\t")
_HEADING = re.compile(r"\s*+Epoch[ \t]{1,4}([0-9]{1,15}+)(?=[ \t]{0,2}(?:/[ \t]{0,2}[0-9]|:|[ \t]|\Z))")

_MAX_SUMMARY = 1024
"""Characters of a row of two cells, or of a summary, at most."""
_ROW = re.compile(r"\s*+[|│┃]([^|│┃]++)[|│┃]([^|│┃]++)[|│┃]\s*+\Z")
_SUMMARY = re.compile(r"\s*+(?:\*|Test:)[ \t]")


class PairReader:
    """Reads the pairs of the metrics and steps of one experiment."""

    def __init__(self, metrics: Sequence[str], step_names: Sequence[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(metrics, key=len, reverse=True))
        steps = "|".join(re.escape(name) for name in sorted(step_names, key=len, reverse=True))
        end = r"[ \t]*+(?:=|:)[ \t]*+"
        self._metric = re.compile(rf"{_BEFORE}[\"']?({names})[\"']?{end}")
        self._quoted = re.compile(rf"([\"'])({names})\1{end}")
        self._step = re.compile(rf"(?i){_BEFORE}[\"']?({steps})(?:[\"']?{end}|([ \t]{{1,4}}+)(?=[\[0-9]))")
        self._metric_names = frozenset(metrics)
        self._step_names = {name.lower(): name for name in reversed(step_names)}
        self._first_step = step_names[0]

    def parse(self, text: str) -> LineContents:
        """Return the metrics of a line; with its steps where it has a metric.

        Texts in strings count only where nothing else does, as in ``level=info msg="epoch=1 loss=0.5"``.
        """
        text = without_program_text(text)
        found = self._parse(mask(text) if _QUOTING.search(text) else text)
        if found == LineContents() and _QUOTING.search(text):
            found = self._parse(mask(text, strings=False))
        return _without_signs(text, self._metric_names) if found == LineContents() else found

    def _parse(self, text: str) -> LineContents:
        logger = _LOGGER.match(text)
        body = text[logger.end() :] if logger else text
        round_ = _ROUND.match(body)
        read: dict[str, dict[str, str]] = {}
        rejected: dict[str, str] = {}
        others: dict[str, str] = {}
        unclear: dict[str, str] = {}
        is_cut = body.lstrip().startswith("{") and "}" not in body
        for name, start, at in self._metrics(body):
            match = VALUE.match(body, at) or (MEAN_OF_FOLDS.match(body, at) if round_ else None)
            if not match and not numeric(body[at : at + _WIDTH]):
                continue
            word = _word_before(body, start)
            if word and word not in _LEVELS:
                others[name] = others.get(name) or phrase(body, start - len(word) - 1, at)
            elif is_cut or (match and SECOND_VALUE.match(body, match.end())):
                unclear[name] = unclear.get(name) or phrase(body, start, at)
            elif match:
                numbers, value = read.setdefault(name, {}), repr(float(match[1]))
                if value not in numbers and len(numbers) <= 1:
                    numbers[value] = phrase(body, start, at)
            elif name not in rejected:
                rejected[name] = phrase(body, start, at)
        values, ambiguous = split_ambiguous(read, rejected)
        values = {name: value for name, value in values.items() if name not in unclear}
        ambiguous |= unclear
        rejected = {name: found for name, found in rejected.items() if name not in ambiguous}
        ambiguous |= {name: found for name, found in others.items() if name not in values and name not in rejected}
        if not values and not rejected and not ambiguous:
            return LineContents()
        steps, bad_steps = self._steps(body)
        if round_ and not steps:
            steps = {self._first_step: float(round_[1])}
        return LineContents({**steps, **values}, {**bad_steps, **rejected}, ambiguous)

    def find(self, text: str, start: int) -> int:
        """Return where the first metric begins that has a value, at or behind `start`; -1 where there is none."""
        match = self._metric.search(text, start)
        return match.start() if match else -1

    def heading(self, text: str) -> float | None:
        """Return the epoch that a line begins with, as in ``Epoch 3/10``, for the lines after it."""
        match = _HEADING.match(text)
        return float(match[1]) if match else None

    def _metrics(self, body: str) -> Iterator[tuple[str, int, int]]:
        """Yield each name with where it begins and where its value does."""
        if body.lstrip().startswith("{"):  # a dict, or a part of one: texts in it are not pairs
            return ((match[2], match.start(), match.end()) for match in self._quoted.finditer(body))
        return ((match[1], match.start(), match.end()) for match in self._metric.finditer(body))

    def _steps(self, body: str) -> tuple[dict[str, float], dict[str, str]]:
        steps: dict[str, float] = {}
        bars: dict[str, float] = {}
        bad: dict[str, str] = {}
        for found in self._step.finditer(body):
            name, at = self._step_names.get(found[1].lower(), found[1]), found.end()
            word = _word_before(body, found.start())
            if word and word not in _LEVELS and word.lower() not in _PHASES:
                if body[found.start() - 1] == ":" and STEP.match(body, at):
                    bad.setdefault(name, phrase(body, found.start() - len(word) - 1, at))
                continue
            labelled = found[2] is None and "=" not in found[0]
            if match := STEP.match(body, at):
                steps.setdefault(name, float(match[1]))
            elif labelled and (bar := _BAR.match(body, at)):
                bars.setdefault(name, float(bar[1] or bar[2]))
            elif name not in bad and not (labelled and _NO_STEP.match(body, at)):
                bad[name] = phrase(body, found.start(), at)
        steps = {**bars, **steps}
        return steps, {name: text for name, text in bad.items() if name not in steps}


def _word_before(body: str, start: int) -> str:
    """Return the word in front of a name, of which the name may be a part; "" where there is none.

    A colon without a blank joins any text with a name: in `val:loss=0.5`, the word is `val`.
    """
    if start > 1 and body[start - 1] == ":":
        word = body[max(0, start - 42) : start - 1].rpartition(" ")[2]
        return "" if _TIME.search(word) else word
    if start < 2 or body[start - 1] != " " or not body[start - 2].isalnum():  # noqa: PLR2004 - a letter and a blank
        return ""
    before = body[max(0, start - 42) : start - 1]
    word = before.rsplit(maxsplit=1)[-1]
    if _CLOCK.search(before):
        return ""
    return word if _WORD.fullmatch(word) and word.lower() not in ("nan", "inf", "infinity") else ""


def _without_signs(text: str, metrics: Collection[str]) -> LineContents:
    """Return the metrics of a line that consists of names and numbers, in cells or behind a sign; without a step."""
    if len(text) > _MAX_SUMMARY:
        return LineContents()
    if row := _ROW.match(text):
        name, value = row[1].strip(), row[2].strip()
        return read_cells([(name, value)]) if name in metrics else LineContents()
    start = _SUMMARY.match(text)
    words = text[start.end() :].split() if start else []
    names, numbers = words[::2], [number(word) for word in words[1::2]]
    if len(names) != len(numbers) or None in numbers or any(number(name) is not None for name in names):
        return LineContents()
    return read_cells(pair for pair in zip(names, numbers, strict=True) if pair[0] in metrics)
