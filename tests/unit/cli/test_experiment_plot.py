"""The plot of an Experiment: the artists of the figure, and files of each format."""

import pytest
from matplotlib.colors import to_hex

from support.views import busy, experiment, rising, trial
from toprung.cli.display.watcher import view_of
from toprung.cli.plots.experiment import draw, figure_of
from toprung.cli.plots.style import COLOURS
from toprung.errors import TopRungError


def lines(axes, *, solid=True):
    return [line for line in axes.lines if (len(line.get_xdata()) > 1) and (line.get_linestyle() == "-") == solid]


def test_the_plot_has_the_incumbent_and_a_curve_for_each_trial():
    """The incumbent is on the left. On the right, curves have the colours of states, and the rungs are marked."""
    view = busy()
    left, right = figure_of(view).axes
    assert len(lines(left)) == 1
    assert max(lines(left)[0].get_ydata()) == pytest.approx(view.trials[0].progress.best.value)
    drawn = {to_hex(line.get_color()).upper() for line in lines(right)}
    assert drawn == {COLOURS["Succeeded"], COLOURS["Running"]}
    assert [line.get_xdata()[0] for line in lines(right, solid=False)] == [1, 3, 9]


def test_the_best_curve_is_bold():
    """Only the best trial is drawn in bold."""
    right = figure_of(busy()).axes[1]
    widths = sorted(line.get_linewidth() for line in lines(right))
    assert widths[-1] > widths[-2]


def test_the_title_names_the_best():
    """The title has the best value and its trial."""
    assert figure_of(busy()).get_suptitle().startswith("mnist: best acc 0.89093 by mnist-0")


@pytest.mark.parametrize(
    ("kind", "worst"), [pytest.param("maximize", -1e6, id="maximize"), pytest.param("minimize", 1e6, id="minimize")]
)
def test_a_diverged_trial_does_not_flatten_the_rest(kind, worst):
    """Outliers are cut on the bad side only, and marked by an arrow."""
    good = [trial(i, "Succeeded", curve=rising(9, 0.9 + i / 100), maximize=kind == "maximize") for i in range(3)]
    view = view_of(
        experiment(objective={"metric": "acc", "type": kind}), (*good, trial(3, "Stopped", curve=[(1, worst)]))
    )
    left = figure_of(view).axes[0]
    low, high = left.get_ylim()
    assert -10 < low < 0.36
    assert 0.91 < high < 10
    assert "arrows" in left.get_title(loc="left")
    assert left.lines[-1].get_ydata()[0] == (low if worst < 0 else high)


@pytest.mark.parametrize("kind", ["maximize", "minimize"])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1e308, -1e308], id="both-ends"),
        pytest.param([1.7e308] * 12, id="constant-and-huge"),
        pytest.param([-1e308, 0.5, 0.6], id="one-huge"),
        pytest.param([0.5] * 12, id="constant"),
        pytest.param([0.0] * 12, id="zero"),
        pytest.param([5e-324, 1e-323], id="tiny"),
        pytest.param([1e300, 1e300 * (1 + 1e-15)], id="huge-and-close"),
        pytest.param([None, 0.5], id="not-finite"),
        pytest.param([None, None], id="none-finite"),
    ],
)
@pytest.mark.parametrize("several", [False, True], ids=["one-objective", "two-objectives"])
def test_values_of_any_size_are_drawn(tmp_path, kind, values, several):
    """A plot is written for every float, with one objective and with two."""
    states = ["Succeeded", "Stopped", "Running"]
    trials = tuple(
        trial(i, states[i % 3], curve=[(1, value), (2, value)], maximize=kind == "maximize")
        for i, value in enumerate(values)
    )
    one = {"objective": {"metric": "acc", "type": kind}}
    two = {"objective": None, "earlyStopping": None, "objectives": all_objectives()}
    objectives = two if several else one
    spec = {key: value for key, value in experiment(**objectives)["spec"].items() if value is not None}
    draw({**experiment(), "spec": spec}, trials, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 0


def all_objectives(*more):
    return [{"metric": "acc", "type": "maximize"}, {"metric": "latency", "type": "minimize"}, *more]


def traded(*reached, **spec):
    """Return an experiment of several objectives, with trials that ended with these values of accuracy and
    latency.
    """
    trials = [
        trial(i, "Succeeded", curve=[(1, acc)], others={"latency": latency, "size": 1.0})
        for i, (acc, latency) in enumerate(reached)
    ]
    return view_of(experiment(**{"objective": None, "objectives": all_objectives(), **spec}), tuple(trials))


def dots(axes):
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if alone(line))


def rings(axes):
    drawn = [line for line in axes.lines if alone(line) and line.get_markerfacecolor() == "none"]
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in drawn)


def alone(line):
    return len(line.get_xdata()) == 1


def test_the_front_of_two_objectives():
    """Every trial has a point, those on the front are ringed, and the step line connects them."""
    front = figure_of(traded((0.9, 10), (0.7, 2), (0.6, 5))).axes[2]
    assert set(dots(front)) == {(0.9, 10), (0.7, 2), (0.6, 5)}
    assert rings(front) == [(0.7, 2), (0.9, 10)]
    (edge,) = lines(front)
    assert list(zip(edge.get_xdata(), edge.get_ydata(), strict=True)) == [(0.9, 10), (0.7, 2)]
    assert edge.get_drawstyle() == "steps-post"
    assert (front.get_xlabel(), front.get_ylabel()) == ("acc (maximize)", "latency (minimize)")


def test_more_objectives_have_a_panel_each_against_the_first():
    """A front of three objectives has no step line."""
    view = traded((0.9, 10), (0.7, 2), objectives=all_objectives({"metric": "size", "type": "minimize"}))
    *_, latency, size = figure_of(view).axes
    assert rings(latency) == [(0.7, 2), (0.9, 10)]
    assert rings(size) == [(0.7, 1), (0.9, 1)]
    assert not lines(latency)


@pytest.mark.parametrize(
    ("far", "title"),
    [
        pytest.param((0.5, 1e6), "Pareto front (ringed), 1 outside the axes", id="dominated"),
        pytest.param((0.99, 1e6), "Pareto front (ringed)", id="on-the-front"),
    ],
)
def test_the_front_is_never_beyond_the_scale(far, title):
    """An outlier is cut and counted, unless it is on the front."""
    front = figure_of(traded(*((0.8 + i / 100, 10 + i) for i in range(10)), far)).axes[2]
    assert front.get_title(loc="left") == title
    assert (front.get_ylim()[1] >= 1e6) == (far[0] > 0.9)


def test_several_objectives_without_a_trial():
    """A plot is written without finite values too."""
    assert rings(figure_of(traded()).axes[2]) == []


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_suffix_selects_the_format_of_the_plot(tmp_path, ending):
    """An Experiment without trials has a plot too."""
    draw(experiment(), [], tmp_path / f"empty.{ending}")
    assert (tmp_path / f"empty.{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("made", "name", "fragment"),
    [
        pytest.param(experiment(), "x/y.png", "cannot write the plot", id="folder"),
        pytest.param(experiment(), "y.docx", "cannot write the plot", id="kind"),
        pytest.param(experiment(maxTrialCount=0), "y.png", "cannot plot the invalid Experiment", id="invalid"),
    ],
)
def test_a_plot_that_cannot_be_written_is_an_error(tmp_path, made, name, fragment):
    """The message has the cause."""
    with pytest.raises(TopRungError, match=fragment):
        draw(made, [], tmp_path / name)
