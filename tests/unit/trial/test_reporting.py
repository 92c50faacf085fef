"""A report is one line of JSON."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toprung_trial as tr
from toprung.metrics import LineFormat, LineParser


class Scalar:
    """A stand-in for a 0-d tensor."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(3, "3", id="int"),
        pytest.param(0.91, "0.91", id="float"),
        pytest.param(True, "1", id="bool"),
        pytest.param(np.int64(3), "3", id="numpy int"),
        pytest.param(np.float64(0.5), "0.5", id="numpy float"),
        pytest.param(np.float32(0.5), "0.5", id="numpy single"),
        pytest.param(np.array([0.5]), "0.5", id="numpy array of one"),
        pytest.param(Scalar(4), "4", id="tensor of int"),
        pytest.param(Scalar(0.25), "0.25", id="tensor of float"),
        pytest.param(Decimal("0.125"), "0.125", id="decimal"),
        pytest.param(float("nan"), '"nan"', id="nan"),
        pytest.param(float("inf"), '"inf"', id="inf"),
        pytest.param(float("-inf"), '"-inf"', id="-inf"),
        pytest.param(np.float32("nan"), '"nan"', id="numpy nan"),
    ],
)
def test_values_are_written_as_json(capfd, value, text):
    """All number types become JSON numbers. Non-finite values become strings."""
    tr.report(epoch=1, metric=value)
    assert capfd.readouterr().out == f'{{"epoch": 1, "metric": {text}}}\n'


@pytest.mark.parametrize("value", ["adam", None, [1, 2], np.array([1.0, 2.0]), {"a": 1}, 1j], ids=repr)
def test_a_value_that_is_no_number_is_an_error(value):
    """The message has the metric."""
    with pytest.raises(TypeError, match="metric="):
        tr.report(metric=value)


def test_an_empty_report_is_an_error():
    """It would count as a line without a metric."""
    with pytest.raises(TypeError, match="no metric"):
        tr.report()


def test_any_name_can_be_reported(capfd):
    """Names that are no identifiers are keys of a dictionary."""
    tr.report(**{"val/accuracy": 0.5})
    assert json.loads(capfd.readouterr().out) == {"val/accuracy": 0.5}


@given(st.dictionaries(st.text(min_size=1), st.floats() | st.integers(), min_size=1))
def test_a_report_is_one_line_that_is_read_back(metrics):
    """No name or value breaks the line or changes in it."""
    read, write = os.pipe()
    with os.fdopen(read) as lines, os.fdopen(write, "w") as stdout, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        tr.report(**metrics)
        stdout.close()
        line, *more = lines.readlines()
    assert not more
    read_back = {name: float(value) for name, value in json.loads(line).items()}
    assert read_back == pytest.approx({name: float(value) for name, value in metrics.items()}, rel=0, nan_ok=True)


@given(value=st.floats(), step=st.integers(min_value=0, max_value=2**53))
def test_the_operator_reads_the_reports(value, step):
    """It reads all values, including NaN and infinities."""
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        tr.report(epoch=step, val_accuracy=value)
    report = LineParser(LineFormat(metrics=("val_accuracy",), step_names=("epoch",))).parse(stdout.getvalue())
    assert report.steps == {"epoch": step}
    assert report.values == pytest.approx({"val_accuracy": value}, rel=0, abs=0, nan_ok=True)


def test_a_replaced_stdout_receives_the_line(capsys):
    """A notebook's stdout has no file descriptor."""
    tr.report(loss=1)
    assert capsys.readouterr().out == '{"loss": 1}\n'


def test_reports_follow_buffered_output():
    """Earlier output is written before the report."""
    program = "import toprung_trial as tr; print('before'); tr.report(loss=1); print('after')"
    assert _run(program) == ["before", '{"loss": 1}', "after"]


def test_lines_of_threads_do_not_mix(capfd):
    """Reports of several threads are complete lines."""
    threads = [threading.Thread(target=lambda: [tr.report(a=0.1, b=0.2) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capfd.readouterr().out.splitlines() == ['{"a": 0.1, "b": 0.2}'] * 800


def _run(program):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PYTHONUNBUFFERED", None)  # otherwise no output is buffered
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
