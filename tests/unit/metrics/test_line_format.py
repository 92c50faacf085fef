"""The lines that are read as reports, and those that are not."""

import math

import pytest

from support.metric_lines import COLON, parsed, same
from toprung.metrics.line_format import LineFormat, decode, line_format_for, plain


@pytest.mark.parametrize(
    ("line", "steps", "values"),
    [
        pytest.param('{"epoch": 3, "val_accuracy": 0.91}', {"epoch": 3}, {"val_accuracy": 0.91}, id="json"),
        pytest.param('  {"val_accuracy": 1}  ', {}, {"val_accuracy": 1.0}, id="json-int-without-step"),
        pytest.param(
            '{"val_accuracy": "nan", "loss": "-Inf"}',
            {},
            {"val_accuracy": math.nan, "loss": -math.inf},
            id="json-strings",
        ),
        pytest.param(
            '{"val_accuracy": NaN, "loss": Infinity}',
            {},
            {"val_accuracy": math.nan, "loss": math.inf},
            id="json-literals",
        ),
        pytest.param('{"val_accuracy": 0.5, "loss": null}', {}, {"val_accuracy": 0.5}, id="json-null-is-absent"),
        pytest.param('{"val_accuracy": 0.5, "loss": true}', {}, {"val_accuracy": 0.5}, id="json-bool-is-no-number"),
        pytest.param('{"loss": 1, "deep": {"val_accuracy": 0.5}}', {}, {"loss": 1.0}, id="json-nested-is-ignored"),
        pytest.param('{"loss": 1, "loss": 2}', {}, {"loss": 2.0}, id="json-duplicate-key"),
        pytest.param('{"loss": 1, "note": "val_accuracy=3"}', {}, {"loss": 1.0}, id="json-string-is-no-metric"),
        pytest.param('{"loss": 1e999}', {}, {"loss": math.inf}, id="json-huge-exponent"),
        pytest.param('{"loss": ' + "9" * 5000 + "}", {}, {"loss": math.inf}, id="json-huge-integer"),
        pytest.param('INFO:train:{"loss": 1, "step": 2}', {"step": 2}, {"loss": 1.0}, id="json-behind-a-prefix"),
        pytest.param('loss=1 config={"lr": 0.1}', {}, {"loss": 1.0}, id="pair-before-a-json-object"),
        pytest.param("epoch=3 val_accuracy=0.91", {"epoch": 3}, {"val_accuracy": 0.91}, id="pairs"),
        pytest.param("val_accuracy=0.91, loss: 2", {}, {"val_accuracy": 0.91, "loss": 2.0}, id="colon"),
        pytest.param(
            "[epoch=3] [val_accuracy=0.91] (loss=2)", {"epoch": 3}, {"val_accuracy": 0.91, "loss": 2.0}, id="brackets"
        ),
        pytest.param("epoch=3/10; loss = .5.", {"epoch": 3}, {"loss": 0.5}, id="of-ten-and-a-full-stop"),
        pytest.param("val_accuracy=91.2% loss='-1e-3'", {}, {"loss": -1e-3}, id="percent-and-quotes"),
        pytest.param(
            "loss=nan val_accuracy=+Infinity", {}, {"val_accuracy": math.inf, "loss": math.nan}, id="pairs-not-finite"
        ),
        pytest.param("loss=1 best loss=0.5", {}, {"loss": 1.0}, id="first-of-a-name"),
        pytest.param("epoch=2 step=70 loss=1", {"step": 70, "epoch": 2}, {"loss": 1.0}, id="step-before-epoch"),
        pytest.param("iteration=7 loss=1", {"iteration": 7}, {"loss": 1.0}, id="iteration"),
        pytest.param("epoch=1.5 loss=1", {"epoch": 1.5}, {"loss": 1.0}, id="part-of-an-epoch"),
        pytest.param(
            "{'best': {'loss': 0.1, 'epoch': 9}, 'loss': 0.9, 'epoch': 1}", {"epoch": 1}, {"loss": 0.9}, id="dicts"
        ),
        pytest.param("INFO: {'best': {'loss': 0.1}, 'loss': 0.9}", {}, {"loss": 0.9}, id="dicts-behind-a-prefix"),
        pytest.param('msg="done loss=0.1" epoch=1 loss=0.5', {"epoch": 1}, {"loss": 0.5}, id="logfmt"),
        pytest.param("loss=0.5 note='epoch=3 loss=1'", {}, {"loss": 0.5}, id="words-in-a-string"),
        pytest.param('level=info msg="epoch=1 loss=0.5"', {"epoch": 1}, {"loss": 0.5}, id="a-report-in-a-string"),
        pytest.param("'twas, loss=0.5, wasn't", {}, {"loss": 0.5}, id="apostrophes"),
        pytest.param("12:00:01 PM loss=0.5", {}, {"loss": 0.5}, id="afternoon"),
        pytest.param("Namespace(epoch=9, loss=0.1) epoch=1 loss=0.5", {"epoch": 1}, {"loss": 0.5}, id="arguments"),
        pytest.param("see https://x/?epoch=9&loss=0.1, epoch=1 loss=0.5", {"epoch": 1}, {"loss": 0.5}, id="url"),
        pytest.param("+ loss=0.5", {}, {"loss": 0.5}, id="plus"),
        pytest.param("+ epoch=1 loss=0.5", {"epoch": 1}, {"loss": 0.5}, id="plus-before-a-step"),
        pytest.param("2026-01-02 12:00:01,123 UTC epoch=1 loss=0.5", {"epoch": 1}, {"loss": 0.5}, id="time-zone"),
        pytest.param("{'loss': 0.5, 'epoch': np.int64(3)}", {"epoch": 3}, {"loss": 0.5}, id="numpy-step"),
        pytest.param(
            "{'loss': 0.5, 'epoch': tensor(3, device='cuda:0')}", {"epoch": 3}, {"loss": 0.5}, id="tensor-step"
        ),
        pytest.param("\x1b[1;32mloss=\x1b[0m1\x1b]0;title\x07", {}, {"loss": 1.0}, id="colours"),
        pytest.param("准确率 loss=1 \ufffd\x00", {}, {"loss": 1.0}, id="unicode-and-noise"),
    ],
)
def test_each_line_format_is_read(line, steps, values):
    """The report has the step and the requested metrics only."""
    same(parsed(line), steps, **values)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("Namespace(loss=0.01, lr=0.1)", id="arguments"),
        pytest.param("INFO args: Namespace(betas=(0.9, 0.99), loss=0.01)", id="arguments-behind-a-prefix"),
        pytest.param("Config(name='a', loss=0.01) TrainingArguments(loss=0.02)", id="arguments-twice"),
        pytest.param("namespace(options=Options(loss=0.1), loss=0.01", id="arguments-cut-off"),
        pytest.param("+ python train.py loss=0.01", id="shell-trace"),
        pytest.param("$ SEED=1 ./train.sh loss=0.01", id="command-behind-a-prompt"),
        pytest.param("SEED=1 python3 -u src/train.py loss=0.01", id="command-that-make-prints"),
        pytest.param("torchrun --nproc-per-node 2 -m train loss=0.01", id="command-with-a-module"),
        pytest.param("++ CUDA_VISIBLE_DEVICES=0 /usr/bin/python3.11 -m train, loss=0.01", id="nested-shell-trace"),
        pytest.param("+ ./train.sh loss=0.01", id="shell-trace-of-a-script"),
        pytest.param("+ echo epoch=1 loss=0.5", id="shell-trace-of-echo"),
        pytest.param("https://x/?a=1&loss=0.5", id="url"),
        pytest.param("https://x/a;loss=0.5", id="url-with-a-semicolon"),
        pytest.param("epoch=3 lr=0.1", id="nothing-wanted"),
        pytest.param("--loss=0.5", id="an-option"),
        pytest.param("train_loss=0.5 x/loss=1 my.loss=1", id="part-of-a-name"),
        pytest.param("loss>=0.5 loss==0.5 loss=", id="no-assignment"),
        pytest.param("Loss=0.5", id="another-case"),
        pytest.param('{"loss": true}', id="a-bool"),
        pytest.param('{"loss": {"train": 1}}', id="a-nested-object"),
        pytest.param("{'train': {'loss': 0.2}, 'val': {'loss': 0.5}}", id="nested-dicts"),
        pytest.param("{'loss': {'train': 0.2}}", id="a-dict-in-a-dict"),
        pytest.param('["loss"]', id="json-that-is-no-object"),
        pytest.param('{"loss": {"train": 1', id="half-a-json-object"),
        pytest.param('{"loss":' + "[" * 60_000 + "}", id="deep-json"),
    ],
)
def test_other_lines_are_no_reports(line):
    """They cause no error."""
    assert parsed(line) is None


@pytest.mark.parametrize(
    ("line", "values", "ambiguous"),
    [
        pytest.param("train loss: 0.3 val loss: 0.4", {}, {"loss": "train loss: 0.3"}, id="two-phrases"),
        pytest.param("Best loss=0.3", {}, {"loss": "Best loss=0.3"}, id="one-phrase"),
        pytest.param("val:loss=0.3", {}, {"loss": "val:loss=0.3"}, id="colon"),
        pytest.param("[step3]:loss=0.3", {}, {"loss": "[step3]:loss=0.3"}, id="brackets-and-a-colon"),
        pytest.param('{"loss": 0.3, "epoch": 1,', {}, {"loss": '"loss": 0.3'}, id="half-a-json-object"),
        pytest.param("INFO:loss=0.3", {"loss": 0.3}, {}, id="log-level-and-a-colon"),
        pytest.param("12:30:loss=0.3", {"loss": 0.3}, {}, id="time-and-a-colon"),
        pytest.param("train loss: 0.3 | loss: 0.4", {"loss": 0.4}, {}, id="the-name-alone-counts"),
        pytest.param("INFO loss=0.3", {"loss": 0.3}, {}, id="log-level"),
        pytest.param("phase=train loss=0.3", {"loss": 0.3}, {}, id="behind-a-value"),
        pytest.param("Epoch 3, loss=0.3", {"loss": 0.3}, {}, id="behind-a-comma"),
    ],
)
def test_a_name_behind_a_word_is_another_name(line, values, ambiguous):
    """The line "train loss" has no "loss", unless the metric has that name."""
    report = parsed(line)
    assert (dict(report.values), dict(report.ambiguous)) == (values, ambiguous)
    assert parsed("train loss: 0.3 val loss: 0.4", LineFormat(("val loss",))).values == {"val loss": 0.4}


@pytest.mark.parametrize(
    ("line", "values", "ambiguous"),
    [
        pytest.param("epoch=1 [train] loss=0.1 [val] loss=0.5", {}, "loss=0.1 [val], loss=0.5", id="sections"),
        pytest.param("Epoch 1 | Train: loss: 0.1 | Test: loss: 0.5", {}, "loss: 0.1, loss: 0.5", id="labels"),
        pytest.param("epoch=1 best: loss=0.1, current: loss=0.5", {}, "loss=0.1, loss=0.5", id="best-and-current"),
        pytest.param("epoch=1 best: loss=0,1, current: loss=0.5", {}, "loss=0,1, loss=0.5", id="one-is-no-number"),
        pytest.param("epoch=1 best: loss=0.5, current: loss=0.50", {"loss": 0.5}, None, id="equal"),
        pytest.param("epoch=1 loss=nan loss=nan", {"loss": math.nan}, None, id="not-a-number-twice"),
    ],
)
def test_a_name_with_two_values_in_a_line_counts_for_neither(line, values, ambiguous):
    """The value of the metric is ambiguous, so that the report is recorded as such."""
    report = parsed(line)
    same(report, {"epoch": 1.0}, **values)
    assert report.ambiguous.get("loss") == ambiguous


def test_binary_data_does_not_hide_a_metric():
    """Bytes that are not UTF-8 are replaced."""
    assert parsed(decode(b"\xff\xfe\x00 loss=1 \x80")).values == {"loss": 1.0}


def test_plain_removes_escape_sequences():
    """Colours, titles and cursor movements are removed."""
    assert plain("\x1b[31mred\x1b[0m \x1b]0;t\x1b\\x\x1b[2K") == "red x"


@pytest.mark.parametrize(
    ("early_stopping", "step_names"),
    [
        pytest.param(None, ("step", "epoch", "iteration"), id="none"),
        pytest.param({"asha": {"resource": "iteration", "maxResource": 9}}, ("iteration",), id="asha"),
    ],
)
def test_the_step_is_the_resource_of_early_stopping(early_stopping, step_names):
    """Without early stopping all known names of steps are read."""
    assert line_format_for(experiment_spec(early_stopping)) == LineFormat(
        ("acc", "loss"), step_names, patterns=(COLON,)
    )


def experiment_spec(early_stopping):
    from toprung.api.v1alpha1.experiment import ExperimentSpec  # noqa: PLC0415 - one test of many needs it

    return ExperimentSpec.model_validate(
        {
            "objective": {"metric": "acc", "type": "maximize", "additionalMetrics": ["loss"]},
            "parameters": [{"name": "lr", "type": "double", "min": 0.1, "max": 1.0}],
            "earlyStopping": early_stopping,
            "maxTrialCount": 1,
            "metrics": {"stdout": {"pattern": COLON}},
            "trialTemplate": {"template": {"spec": {"containers": [{"name": "train", "image": "x"}]}}},
        }
    )


@pytest.mark.parametrize(
    ("line", "values"), [('{"loss": 0.5}', {"loss": 0.5}), ("loss=0.5", None), ("[1]\tloss:0.5", None)]
)
def test_the_format_json_reads_json_alone(line, values):
    """No other line of a program that prints JSON can be taken for a report."""
    report = parsed(line, LineFormat(("loss",), format="json"))
    assert (report and report.values) == values
