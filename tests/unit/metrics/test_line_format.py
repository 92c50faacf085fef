"""The lines that are read as reports, and those that are not."""

import math
import re

import pytest

from toprung.metrics.custom import MAX_TEXT
from toprung.metrics.line_format import LineFormat, LineParser, decode, line_format_for, plain

GRAMMAR = LineFormat(("val_accuracy", "loss"))
COLON = r"(?P<name>\w+): (?P<value>[0-9.e+-]+|nan)"


def parsed(line, line_format=GRAMMAR):
    return LineParser(line_format).parse(line)


def same(report, steps, **values):
    """Compare with a report as text, because NaN is not equal to itself."""
    assert report is not None
    assert (dict(report.steps), repr(dict(report.values))) == (steps, repr(values))


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
    ("line", "values"),
    [
        pytest.param("epoch: 3 acc: 0.5", {"acc": 0.5}, id="matches"),
        pytest.param("acc: 0.5 acc: 0.5", {"acc": 0.5}, id="the-same-value-twice"),
        pytest.param("acc: 0.5 acc: 0.6", {}, id="two-values"),
        pytest.param("épòch acc: 0.5", {"acc": 0.5}, id="unicode"),
        pytest.param("acc=0.5", None, id="instead-of-pairs"),
        pytest.param('{"acc": 0.5}', None, id="instead-of-json"),
        pytest.param("acc: -", None, id="value-that-is-no-number"),
        pytest.param("x" * MAX_TEXT + " acc: 0.5", {"acc": 0.5}, id="end-of-a-long-line"),
        pytest.param("acc: 0.5 " + "x" * MAX_TEXT, None, id="start-of-a-long-line"),
    ],
)
def test_a_custom_pattern_replaces_the_formats(line, values):
    """It is searched in the end of the line."""
    report = parsed(line, LineFormat(("acc",), ("epoch",), patterns=(COLON,)))
    assert (report and dict(report.values)) == values


@pytest.mark.parametrize(
    ("pattern", "line", "values"),
    [
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0,57", {}, id="decimal-comma"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 12,345", {}, id="thousands"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.3%", {}, id="percent"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.3 %", {}, id="spaced-percent"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 1e5x", {}, id="letter"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 9/10", {}, id="fraction"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 -> 0.4", {}, id="arrow"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0;57", {}, id="semicolon"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 ➜ 0.4", {}, id="another-arrow"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5 > 0.4", {}, id="comparison"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 12 345", {}, id="blank-between-thousands"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+).*", "acc 12 345", {}, id="blank-within-the-match"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 0.5 s", {}, id="spaced-unit"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9]+(?:\.[0-9]+)?) \d+", "acc 0.5 12", {"acc": 0.5}, id="next-column"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)", "acc 0.5 loss 1", {"acc": 0.5}, id="a-word-behind"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+).*", "acc 0,57", {}, id="comma-within-the-match"),
        pytest.param(r"(?P<name>acc).*(?P<value>[0-9.]+)", "acc 0.57", {}, id="last-digit"),
        pytest.param(r"(?P<name>acc).*?(?P<value>[0-9.]+)", "acc -0.57", {}, id="without-its-sign"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.e+-]+)", "acc 0.5, next", {"acc": 0.5}, id="comma-and-blank"),
        pytest.param(r"(?P<name>acc)(?P<value>[0-9.]+)", "acc0.5", {"acc": 0.5}, id="at-the-name"),
        pytest.param(r"(?P<name>acc) (?P<value>[0-9.]+)%", "acc 91.2%", {"acc": 91.2}, id="percent-in-the-pattern"),
        pytest.param(r"(?P<name>acc) v(?P<value>[0-9.]+)s", "acc v3s", {"acc": 3}, id="letters-in-the-pattern"),
    ],
)
def test_a_pattern_reads_a_number_in_full_or_not_at_all(pattern, line, values):
    """A value that is a part of a longer word is rejected, as printed."""
    report = parsed(line, LineFormat(("acc",), patterns=(pattern,)))
    assert dict(report.values) == values
    assert dict(report.rejected) == ({} if values else {"acc": line})


def test_a_pattern_reads_a_step_in_full():
    """A part of a number is no step."""
    grammar = LineFormat(("acc",), patterns=(r"it.*?(?P<step>\d+) (?P<name>acc) (?P<value>\S+)",))
    assert parsed("it 12 acc 0.5", grammar).steps == {"step": 12}
    assert parsed("it 1.5 acc 0.5", grammar).bad_steps == {"step": "it 1.5 acc 0.5"}


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


def test_several_patterns_with_a_step():
    """The first pattern that finds a metric counts. A step may be a separate group."""
    grammar = LineFormat(("acc",), patterns=(COLON, r"#(?P<step>\d+) (?P<name>\w+)=(?P<value>\S+)"))
    assert parsed("acc: 0.5", grammar).steps == {}
    report = parsed("#7 acc=0.6", grammar)
    assert (report.steps, report.values) == ({"step": 7}, {"acc": 0.6})


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(?P<name>(?:a+)+)(?P<value>(?:\d+)+)$", id="exponential-for-backtracking"),
        pytest.param(r"(?P<name>a)(?P<value>(?:[ab]{0,20}a){0,4}[ab]{50}1)?", id="quadratic-over-matches"),
    ],
)
def test_the_work_of_a_pattern_is_bounded(pattern):
    """The sizes of the pattern and the line limit the number of searches in a line."""
    assert parsed("a" * 100 * MAX_TEXT, LineFormat(("acc",), ("epoch",), patterns=(pattern,))) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        pytest.param("(", "must be an RE2 expression: missing )", id="no-expression"),
        pytest.param(r"(?P<name>\w+)(?=x)(?P<value>1)", "RE2 has no look-around", id="look-around"),
        pytest.param(r"(?P<name>\w+)", "requires the group value", id="one-group"),
        pytest.param(r"\w+", "requires the groups name and value", id="no-group"),
        pytest.param(r"\(?P<name>[(?P<value>]", "requires the groups name and value", id="escaped-groups"),
        pytest.param(
            r"(?P<name>a)=(?P<value>1)|(?P<name>b): (?P<value>2)", "must have the group name once", id="group-twice"
        ),
        pytest.param(r"(?P<name>a)(?:[a-y]{0,250}a){0,3}(?P<value>1)", "400 instructions", id="large"),
        pytest.param(r"(?P<name>a)\pL{900}(?P<value>1)", "smaller repeat counts", id="far-too-large"),
    ],
)
def test_an_invalid_pattern_has_a_correction(pattern, message):
    """The message has the pattern that works."""
    with pytest.raises(ValueError, match=re.escape(message)):
        LineParser(LineFormat(("acc",), patterns=(pattern,)))


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
    ("lines", "metric", "reports"),
    [
        pytest.param(
            ["Epoch 1/2", "12/12 - loss: 0.4 - val_loss: 0.5", "Epoch 2/2", "12/12 - loss: 0.3 - val_loss: 0.4"],
            "val_loss",
            [(1, 0.5), (2, 0.4)],
            id="keras",
        ),
        pytest.param(
            ["Epoch 3: 100%|##| 4/4 [00:00<00:00, 9it/s, v_num=0, val_loss=0.5]"],
            "val_loss",
            [(3, 0.5)],
            id="lightning",
        ),
        pytest.param(
            ["Epoch 1/1 ━━ 4/4 0:00:00 train_loss: 0.588 ", "     val_loss: 0.636   "],
            "val_loss",
            [(1, 0.636)],
            id="lightning-stacked",
        ),
        pytest.param(["{'eval_loss': 0.5, 'epoch': 1.0}"], "eval_loss", [(1, 0.5)], id="python-dict"),
        pytest.param(["{'eval_loss': '0.51', 'epoch': '0.5'}"], "eval_loss", [(0.5, 0.51)], id="quoted-numbers"),
        pytest.param(["{'loss': np.float64(0.5), 'epoch': 2}"], "loss", [(2, 0.5)], id="numpy-in-a-dict"),
        pytest.param(["{'note': 'loss: 3', 'loss': 0.5}"], "loss", [(None, 0.5)], id="string-in-a-dict"),
        pytest.param(["[10]\tvalidation-auc:0.93"], "validation-auc", [(10, 0.93)], id="xgboost"),
        pytest.param(["[10]\tvalidation-auc:0.93"], "auc", [], id="xgboost-part-of-a-name"),
        pytest.param(["[0]\ttest-auc:0.93+0.01"], "test-auc", [(0, 0.93)], id="xgboost-cross-validation"),
        pytest.param(["[1]\tvalid's auc: 0.7 + 0.02"], "valid's auc", [(1, 0.7)], id="lightgbm-cross-validation"),
        pytest.param(["[1]\tvalid's auc: 0.7 + 0.02x"], "valid's auc", [(1, None)], id="no-deviation"),
        pytest.param(["[10]\tvalid_0's auc: 0.9"], "valid_0's auc", [(10, 0.9)], id="lightgbm"),
        pytest.param(["Test: [ 1/2]  Acc@1: 100.0 ( 35.03)"], "Acc@1", [(None, None)], id="timm-current-and-average"),
        pytest.param([" * Acc@1 35.03 Acc@5 60.2"], "Acc@1", [(None, 35.03)], id="pytorch-summary"),
        pytest.param(["Test:  Acc@1 35.03 Acc@5 60.2"], "Acc@5", [(None, 60.2)], id="torchvision-summary"),
        pytest.param([" * Acc@1 was 3", " * Acc@1 35% Acc@5 2", "* loss Acc@1"], "Acc@1", [], id="no-summary"),
        pytest.param(
            ["┃ Validate metric ┃ DataLoader 0 ┃", "│     val_loss      │  0.7290036082267761  │"],
            "val_loss",
            [(None, 0.7290036082267761)],
            id="lightning-validate",
        ),
        pytest.param(
            ["| rollout/    |       |", "|    ep_rew_mean     | -1.2e+03     |", "| time/ | |"],
            "ep_rew_mean",
            [(None, -1200)],
            id="stable-baselines3",
        ),
        pytest.param(["| loss | 0,5 |"], "loss", [(None, None)], id="row-with-a-decimal-comma"),
        pytest.param(
            ["| loss | 1 | 2 |", "| loss |", "| loss | acc |", "| acc | 3 |", "| loss |" + " " * 2000 + "1 |"],
            "loss",
            [],
            id="no-row-of-two-cells",
        ),
        pytest.param(
            ["***** eval metrics *****", "  eval_loss               =     1.9934"],
            "eval_loss",
            [(None, 1.9934)],
            id="hugging-face-log-metrics",
        ),
        pytest.param(
            ["Epoch 1, loss=0.5000:  33%|###| 1/3 [00:00<00:00, 10it/s]"], "loss", [(1, 0.5)], id="tqdm-description"
        ),
        pytest.param(["[rank0]:loss=0.5", "[1,0]<stdout>:loss: 0.4"], "loss", [(None, 0.5), (None, 0.4)], id="ranks"),
        pytest.param(["[default0]:epoch,loss", "[default0]:1,0.5"], "loss", [(1, 0.5)], id="table-of-a-rank"),
        pytest.param(["[1] epoch 3 loss: 0.5"], "loss", [(3, 0.5)], id="r-prints-an-index"),
        pytest.param(["12:30:05 loss: 0.5"], "loss", [(None, 0.5)], id="behind-a-time"),
        pytest.param(["loss: 0.5 - val_loss: 0.4"], "val_loss", [(None, 0.4)], id="name-within-a-name"),
        pytest.param(["val_loss: 0.4 - loss: 0.5"], "loss", [(None, 0.5)], id="name-behind-a-longer-one"),
        pytest.param(
            ["epoch  train_loss  valid_loss  time", "0      0.6  0.7  00:03", "1  0.5  0.6  1:00:03"],
            "valid_loss",
            [(0, 0.7), (1, 0.6)],
            id="fastai",
        ),
        pytest.param(["epoch,loss,val_loss", "1,0.5,0.6", "", "2,0.4,0.5"], "val_loss", [(1, 0.6), (2, 0.5)], id="csv"),
        pytest.param(["epoch;loss", "1;0,5"], "loss", [(1, None)], id="csv-with-decimal-commas"),
        pytest.param(["epoch\tloss", "1\t0.5"], "loss", [(1, 0.5)], id="tabs"),
        pytest.param(["the loss of us all", "1 of 2 was 3"], "loss", [], id="prose-is-no-table"),
        pytest.param(["epoch,loss", "1,0.5,7", "2"], "loss", [(None, None)], id="rows-of-another-width"),
        pytest.param(["Metrics: acc, loss", "GPU 0, 16384"], "loss", [], id="prose-with-a-colon"),
        pytest.param(["Tracking acc, loss", "Loaded 50000, -7", "3, -7"], "loss", [], id="prose-with-a-comma"),
        pytest.param(["acc, loss", "GPU 0, 16384"], "loss", [], id="prose-below-names"),
        pytest.param(["minimizing validation loss", "3 224 -9"], "loss", [], id="prose-with-blanks"),
        pytest.param(["epoch,loss", "1,0.5", "done", "16,-3"], "loss", [(1, 0.5), (1, None)], id="another-table"),
        pytest.param(
            ["acc,loss", "1,0.5", "done", "2,0.4"], "loss", [(None, 0.5), (None, None)], id="no-step-to-go-by"
        ),
        pytest.param(
            ["epoch,loss", "started", "0,0.5", "saved", "1,0.4", "saved", "2,0.3"],
            "loss",
            [(0, 0.5), (1, 0.4), (2, 0.3)],
            id="rows-with-lines-between-that-continue-the-steps",
        ),
        pytest.param(
            ["step,loss", "100,0.5", "saved", "200,0.4", "saved", "300,0.3", "saved", "301,0.2"],
            "loss",
            [(100, 0.5), (200, 0.4), (300, 0.3), (300, None)],
            id="rows-at-the-same-distance",
        ),
        pytest.param(
            ["acc  loss  epoch", "0.5  0.6  4", " 50%|##  | 1/2 [00:01<00:01,  1.00it/s]", "", "0.6  0.5  7"],
            "loss",
            [(4, 0.6), (7, 0.5)],
            id="rows-with-bars-between",
        ),
        pytest.param(
            ["Epoch,Phase,train loss,loss", "1,val,0.1,0.5"], "loss", [(1, 0.5)], id="words-in-columns-beside-a-step"
        ),
        pytest.param(["epoch,loss,loss", "1,0.5,0.6"], "loss", [(1, None)], id="a-column-twice"),
    ],
)
def test_formats_of_frameworks_are_read(lines, metric, reports):
    """They need no settings."""
    parser = LineParser(LineFormat((metric,)))
    found = [report for line in lines if (report := parser.parse(line)) is not None]
    assert [(next(iter(each.steps.values()), None), each.values.get(metric)) for each in found] == reports


@pytest.mark.parametrize(
    ("line", "values"), [('{"loss": 0.5}', {"loss": 0.5}), ("loss=0.5", None), ("[1]\tloss:0.5", None)]
)
def test_the_format_json_reads_json_alone(line, values):
    """No other line of a program that prints JSON can be taken for a report."""
    report = parsed(line, LineFormat(("loss",), format="json"))
    assert (report and report.values) == values
