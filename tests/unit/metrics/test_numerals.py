"""Numbers are read in full or not at all."""

import pytest

from toprung.metrics import LineFormat, LineParser

GRAMMAR = LineFormat(("loss",))


def parsed(line):
    return LineParser(GRAMMAR).parse(line)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.57", 0.57),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e-3", 1e-3),
        ("1E+05", 1e5),
        ("+3", 3.0),
        ("0.5.", 0.5),
        ("0.5, next", 0.5),
        ("0.5,acc=1", 0.5),
        ("0.5; next", 0.5),
        ("(0.5)", None),
        ("'0.51'", 0.51),
        ('"0.51"', 0.51),
        ("np.float64(0.5)", 0.5),
        ("np.float32(0.5), 'acc': 1", 0.5),
        ("tensor(0.5)", 0.5),
        ("tensor(0.5, device='cuda:0')", 0.5),
        ("Array(0.5, dtype=float32)", 0.5),
        ("tf.Tensor(0.2, shape=(), dtype=float32)", 0.2),
        ("<tf.Tensor: shape=(), dtype=float32, numpy=0.2>", 0.2),
        ("Decimal('0.5')", 0.5),
        ("0.5 > best", 0.5),
        (f"{1e300:f}", 1e300),
        ("0.5 +/- 0.1", 0.5),
        ("0.5 - val_loss: 0.4", 0.5),
        ("0.5 val_loss: 0.4", 0.5),
        ("0.5 val acc: 0.4", 0.5),
        ("0.5 and acc=0.4", 0.5),
        ("0.5 epoch 3", 0.5),
        ("0.5 | acc 0.4", 0.5),
        ("0.5  acc 0.4", 0.5),
        ("0.5 [64/60000]", 0.5),
        ("0.5 (best)", 0.5),
        ("0.5 - 1s/epoch - 90ms/step", 0.5),
        ("0.5 (best 0.4)", 0.5),
        ("0.5 (+/- 0.1)", 0.5),
        ("0.5 (3/10)", 0.5),
        ("0.5: 100%|###| 3/3 [00:00<00:00, 10it/s]", 0.5),
        ("0.5:   0%| | 0/3 [00:00<?, ?it/s]", 0.5),
        ("0.5: 100% 3/3 [00:00<00:00, 10it/s]", 0.5),
        ("0.5: 3it [00:00, 10it/s]", 0.5),
    ],
)
@pytest.mark.parametrize(
    "separator", ["=", ": ", " = ", "               =     ", pytest.param(" " * 200 + ":" + "\t" * 200, id="wide")]
)
def test_all_usual_forms_of_numbers_are_read(text, value, separator):
    """This includes units of sizes and signs."""
    report = parsed(f"loss{separator}{text}")
    assert (report and report.values.get("loss")) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0,57", id="decimal-comma"),
        pytest.param("-0,57 kg", id="negative-decimal-comma"),
        pytest.param("12,345,678", id="thousands"),
        pytest.param("12'345", id="swiss-thousands"),
        pytest.param("12\u00a0345,5", id="no-break-space"),
        pytest.param("12\u202f345", id="narrow-no-break-space"),
        pytest.param("12_345", id="underscore"),
        pytest.param("9836/10000", id="fraction"),
        pytest.param("9836 / 10000", id="spaced-fraction"),
        pytest.param("9836 of 10000", id="of"),
        pytest.param("9836 out of 10000", id="out-of"),
        pytest.param("12.5%", id="percent"),
        pytest.param("12.5 %", id="spaced-percent"),
        pytest.param("0.5s", id="unit"),
        pytest.param("3ms", id="another-unit"),
        pytest.param("1.2.3", id="version"),
        pytest.param("12:30:05", id="time"),
        pytest.param("2026-01-02", id="date"),
        pytest.param("0x1F", id="hexadecimal"),
        pytest.param("1e", id="half-an-exponent"),
        pytest.param("1.5+2j", id="complex"),
        pytest.param("0.5->0.4", id="arrow"),
        pytest.param("0.5 -> 0.4", id="spaced-arrow"),
        pytest.param("0;57", id="semicolon"),
        pytest.param("0.9 --> 0.4", id="long-arrow"),
        pytest.param("0.9 ➜ 0.4", id="another-arrow"),
        pytest.param("0.9 > 0.4", id="comparison"),
        pytest.param("~0.4", id="about"),
        pytest.param("[0.3]", id="list-of-one"),
        pytest.param("Fraction(1, 2)", id="python-fraction"),
        pytest.param("tensor([0.3, 0.4])", id="tensor-of-two"),
        pytest.param("\u22120.5", id="unicode-minus"),
        pytest.param("\u0661\u0662", id="other-digits"),
        pytest.param("1" * 20_000 + "x", id="endless-with-a-letter"),
        pytest.param("1" * 20_000, id="endless"),
        pytest.param("'0,57'", id="quoted-decimal-comma"),
        pytest.param("0.5..0.6", id="range"),
        pytest.param("0 NaNs found", id="prose"),
        pytest.param("2 outliers removed", id="more-prose"),
        pytest.param("0.5 to 0.4", id="from-to"),
        pytest.param("0.5 - 0.4", id="difference"),
        pytest.param("0.5 * 2", id="product"),
        pytest.param("1, 2, 3", id="list"),
        pytest.param("12 345", id="blank-between-thousands"),
        pytest.param("95 percent", id="percent-as-a-word"),
        pytest.param("0.5 s", id="spaced-unit"),
        pytest.param("0.5 s acc: 0.3", id="spaced-unit-before-a-pair"),
        pytest.param("0.5: 30%", id="colon-and-percent"),
        pytest.param("0.5: 3", id="colon-and-number"),
        pytest.param("0.93+0.01", id="mean-of-folds-without-a-round"),
    ],
)
@pytest.mark.parametrize("separator", ["=", ": "])
def test_other_values_are_rejected(text, separator):
    """A part of them would be another value. The rejection is recorded."""
    report = parsed(f"epoch=1 loss{separator}{text}")
    assert report is not None
    assert (dict(report.values), list(report.rejected)) == ({}, ["loss"])


@pytest.mark.parametrize(
    "text",
    [
        "0.5 (0.4)",
        "0.5 ( 0.4)",
        "0.5 (0.5)",
        "   1.7521 ( 1.8021)",
        "nan (nan)",
        "'0.5' (0.4)",
        "0.5 (avg 0.4)",
        "0.5 (avg: 0.4)",
        "0.5 (mean=0.4)",
        "0.5 (global_avg: 0.4)",
        "0.5 (0.4 avg)",
        "0.5 [avg 0.4]",
    ],
)
@pytest.mark.parametrize("separator", ["=", ": "])
def test_a_value_with_another_one_in_brackets_is_ambiguous(text, separator):
    """The second number is an average, a deviation or an error, depending on the program."""
    report = parsed(f"epoch=1 acc: 0.3 (0.2) loss{separator}{text}  acc: 0.3 (0.2)")
    assert (dict(report.values), dict(report.ambiguous)) == ({}, {"loss": f"loss{separator}{text}"})


@pytest.mark.parametrize(
    "line",
    [
        "loss: see below",
        "loss=None",
        "the loss is 3",
        "loss:",
        "loss",
        "loss>=0.5 loss==0.5",
        "--loss=0.5 x/loss=1 my.loss=1 train_loss=1 loss_scale=1",
    ],
)
def test_prose_is_no_report(line):
    """A name without a number is neither a report nor an error."""
    assert parsed(line) is None


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("epoch=3/10", 3),
        ("epoch: 3", 3),
        ("Epoch 3/10:", 3),
        ("Epoch [3/10],", 3),
        ("epoch 3 of 10", 3),
        ("epoch=1.5", 1.5),
        ("'epoch': '1.5',", 1.5),
        ("Train Epoch: 4 [0/60000 (0%)]", 4),
        ("INFO:root:epoch=7", 7),
        ("INFO epoch=7", 7),
        ("12:30:05:epoch=7", 7),
        ("train:epoch=7", 7),
        ("[default0]:epoch=7", 7),
        ("[trainer12]:epoch=7", 7),
        ("[rank0]: epoch=7", 7),
        ("[1,0]<stdout>:epoch=7", 7),
        ("[1,0]<stderr>:INFO:root:epoch=7", 7),
        ("[0]:Epoch 7/10,", 7),
        ("Epoch:  33%|###  | 1/3 [00:01<00:02, 1it/s,", 1),
        ("Epoch: 3it [00:01, 2it/s,", 3),
        ("Epoch:  33%|###  | 1/3 [00:01<00:02, 1it/s, epoch=2", 2),
    ],
)
def test_all_usual_forms_of_steps_are_read(text, step):
    """The total number of steps may follow the step."""
    assert parsed(f"{text} loss=0.5").steps == {"epoch": step}


@pytest.mark.parametrize(
    "text",
    [
        "best epoch=2",
        "time per epoch: 12",
        "ms per epoch 12",
        "Epoch: ",
        "Epoch:  33%",
        "Epoch: |    |",
        "sec/epoch: 12",
    ],
)
def test_phrases_are_no_steps(text):
    """The name of a step is a whole key, and a label is no step."""
    report = parsed(f"{text}, loss=0.5" if text != "Epoch: " else "Epoch: loss=0.5")
    assert (dict(report.values), dict(report.steps), dict(report.bad_steps)) == ({"loss": 0.5}, {}, {})


@pytest.mark.parametrize(
    "text",
    [
        *("epoch=-1", "epoch=nan", "epoch=1e300", "epoch=3,5", "epoch=12,345"),
        *("epoch=final", "epoch=None", "epoch=,", "epoch: mean,", "epoch: 0.35 s,", "epoch: 12ms"),
        *("main:epoch=5", "x:y:epoch=5"),
    ],
)
def test_an_invalid_step_is_reported(text):
    """The report has the value of the step."""
    report = parsed(f"{text} loss=0.5")
    assert (dict(report.steps), list(report.bad_steps)) == ({}, ["epoch"])
