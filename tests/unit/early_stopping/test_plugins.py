"""Check that custom rules are found by entry point and that their errors are reported."""

import runpy
from importlib.metadata import EntryPoint

import pytest

from scenarios.examples import PLUGINS
from toprung.api.plugins import load_plugin
from toprung.api.v1alpha1.early_stopping import AshaSettings, EarlyStopping, StopperPlugin
from toprung.early_stopping import plugins, stopper_for
from toprung.early_stopping.asha import asha
from toprung.early_stopping.conformance import StopperConformance
from toprung.early_stopping.types import RungResult
from toprung.errors import InvalidExperiment

EXAMPLE = runpy.run_path(str(PLUGINS / "ceiling" / "ceiling.py"))
Ceiling, Settings = EXAMPLE["Ceiling"], EXAMPLE["Settings"]


def make(settings, seed):
    """Build the rule of the example; raise plain errors, unlike the example."""
    if settings["rung"] >= settings["end"]:
        raise ValueError(f"rung {settings['rung']} is not below end {settings['end']}; write less")
    return Ceiling(Settings(**settings))


def pausing(settings, seed):
    """Build a rule that needs checkpoints."""
    return asha(AshaSettings(**settings), seed, checkpoint=True)


def outdated(settings, seed):
    """Fail, because settings are a mapping and not an object."""
    return settings.rung


def defective(settings, seed):
    """Build a rule that fails after it is built."""
    return Defective(Settings(rung=1, end=9))


class Defective(Ceiling):
    """A rule whose members all break the protocol."""

    @property
    def pauses(self):
        return self.forgotten

    def bracket(self, index):  # noqa: ARG002
        return "A"

    def levels(self, bracket):  # noqa: ARG002
        return ()

    def record(self, *_):
        raise ZeroDivisionError("by nothing")

    mark_continued = mark_finished = record

    def decide(self, result):  # noqa: ARG002
        return "Continue"

    def next_promotion(self):
        return None


SETTINGS = {"rung": 1, "end": 9}


class TestCeiling(StopperConformance):
    """Run the conformance suite for the documented example, as the documentation recommends."""

    def stopper(self, seed):
        return EXAMPLE["make"](SETTINGS, seed)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Install packages with rules, some of them broken."""
    offered = {name: f"{__name__}:{name}" for name in ("pausing", "outdated", "defective")}
    offered |= {"ceiling": f"{__name__}:make", "broken": "no_such_package:make"}
    found = [EntryPoint(name, value, plugins.GROUP) for name, value in offered.items()]
    monkeypatch.setattr(
        "toprung.api.plugins.entry_points", lambda group: [each for each in found if each.group == group]
    )
    monkeypatch.setattr(EntryPoint, "load", _load)
    load_plugin.cache_clear()
    yield
    load_plugin.cache_clear()


def _load(entry):
    module, name = entry.value.split(":")
    if module != __name__:
        raise ModuleNotFoundError(f"No module named {module!r}")
    return globals()[name]


def build(name, settings=SETTINGS, *, checkpoint=False):
    return stopper_for(EarlyStopping(plugin=StopperPlugin(name=name, settings=settings)), 7, checkpoint=checkpoint)


def test_a_rule_is_found_by_its_name_and_receives_its_settings():
    """The settings are those of the manifest."""
    stopper = build("ceiling", {"rung": 2, "end": 5, "least": 0.5})
    assert (type(stopper.rule), stopper.levels(0)) == (Ceiling, (2, 5))
    stopper.record(RungResult(0, 2, 7, 0.4))
    assert stopper.decide(RungResult(0, 2, 7, 0.4)).message == "below 0.5"


def test_a_rule_may_pause_trials_with_checkpoints():
    """Promoted trials resume from their checkpoints."""
    assert build("pausing", {"max_resource": 9}, checkpoint=True).pauses


@pytest.mark.parametrize(
    ("name", "settings", "path", "message"),
    [
        pytest.param("ceilin", SETTINGS, "name", '"ceilin" is not installed where the operator runs (entry points toprung.stoppers). Did you mean ceiling?', id="misspelt"),
        pytest.param("xyz", SETTINGS, "name", "Use one of broken, ceiling, defective, outdated, pausing", id="unknown"),
        pytest.param("broken", SETTINGS, "name", '"broken" can\'t be loaded: ModuleNotFoundError: No module named', id="broken"),
        pytest.param("ceiling", {"rung": 9, "end": 1}, "settings", "Invalid value: rung 9 is not below end 1", id="wrong-value"),
        pytest.param("ceiling", {"rung": 9}, "settings", "Required value: 'end'. Set it in settings.", id="missing"),
        pytest.param("pausing", {"max_resource": 9}, "name", "pausing pauses trials, which resume from checkpoints; set spec.checkpoint", id="no-checkpoint"),
        pytest.param("outdated", SETTINGS, "name", "the rule outdated raised AttributeError in make: 'dict' object has no attribute 'rung'; fix its package", id="fails"),
    ],
)  # fmt: skip
def test_an_unusable_rule_is_reported(name, settings, path, message):
    """The message names the field and the installed rules."""
    with pytest.raises(InvalidExperiment) as caught:
        build(name, settings)
    (error,) = caught.value.errors
    assert error.path == f"spec.earlyStopping.plugin.{path}"
    assert message in error.message


def test_without_installed_rules_the_message_asks_to_install_one(monkeypatch):
    """There is no name to suggest."""
    monkeypatch.setattr("toprung.api.plugins.entry_points", lambda **_: [])
    with pytest.raises(InvalidExperiment, match="Install the package that contains it"):
        build("ceiling")


ARRIVAL = RungResult(0, 1, 7, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda rule: rule.pauses, "the rule defective raised AttributeError in pauses: 'Defective' object has no", id="pauses"),
        pytest.param(lambda rule: rule.bracket(7), "the rule defective raised ValueError in bracket: invalid literal", id="bracket"),
        pytest.param(lambda rule: rule.levels(0), "the rule defective raised ValueError in levels: not enough values", id="levels"),
        pytest.param(lambda rule: rule.record(ARRIVAL), "the rule defective raised ZeroDivisionError in record: by nothing; fix its package", id="record"),
        pytest.param(lambda rule: rule.mark_continued(ARRIVAL), "the rule defective raised ZeroDivisionError in mark_continued", id="mark_continued"),
        pytest.param(lambda rule: rule.mark_finished(0, 7), "the rule defective raised ZeroDivisionError in mark_finished", id="mark_finished"),
        pytest.param(lambda rule: rule.decide(ARRIVAL), "decide of rule defective returned 'Continue'. It must return a Verdict with a Decision.", id="decide"),
        pytest.param(lambda rule: rule.next_promotion(idle_slot=True), "the rule defective raised TypeError in next_promotion", id="next_promotion"),
    ],
)  # fmt: skip
def test_an_error_of_a_rule_is_reported(call, message):
    """It is an error of the Experiment, not an internal error of the operator."""
    with pytest.raises(InvalidExperiment) as caught:
        call(build("defective", checkpoint=True))
    (error,) = caught.value.errors
    assert error.path == "spec.earlyStopping.plugin.name"
    assert error.message.startswith(message)
