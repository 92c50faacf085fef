"""Validation of stored Experiments in a thread."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from support.manifests import BASE, CONTAINER, edited
from toprung.api.loader import is_large
from toprung.controller import validation
from toprung.controller.validation import Validator
from toprung.errors import InvalidExperiment


def stored(generation: int = 1, **edits: Any) -> dict[str, Any]:
    manifest = edited(BASE, {path.replace("__", "."): value for path, value in edits.items()})
    return manifest | {"metadata": manifest["metadata"] | {"namespace": "team", "uid": "u", "generation": generation}}


LONG = "echo " + " ".join(f"${{parameters.p{i}}}" for i in range(4000))


@pytest.mark.parametrize(
    ("command", "large"),
    [
        pytest.param(["train"], False, id="as documented"),
        pytest.param(["sh", "-c", "x" * 10_000], False, id="a script"),
        pytest.param(["sh", "-c", LONG], True, id="a long script"),
        pytest.param([""] * 5000, True, id="a long list"),
        pytest.param([[[[""] * 700] * 3]], True, id="a deep list"),
        pytest.param([{"x" * 100_000: 1}], True, id="a long key"),
    ],
)
def test_slow_manifests_are_detected_before_validation(command: list[Any], large: bool):
    """Their size decides."""
    assert is_large(edited(BASE, {f"{CONTAINER}.command": command})) is large


@pytest.mark.parametrize("function", ["load_experiment", "readable_spec"])
async def test_a_large_experiment_is_validated_once_in_a_thread(function: str, monkeypatch: pytest.MonkeyPatch):
    """Neither its first event nor later ones block the event loop, whether it is valid or not."""
    threads: list[str] = []
    read = getattr(validation, function)

    def noted(body: Mapping[str, Any], **options: Any) -> Any:
        threads.append(threading.current_thread().name)
        return read(body, **options)

    monkeypatch.setattr(validation, function, noted)
    validator = Validator()
    body = edited(stored(), {f"{CONTAINER}.command[2]": LONG, "spec.stopWhenNoProgress": {"trials": 0}})
    for _ in range(2):
        await validator.prepare(body)
        with pytest.raises(InvalidExperiment):
            validator.load(body)
        validator.readable(body)
    validator.close()
    assert [name.startswith("validation") for name in threads] == [True]


async def test_the_readable_spec_does_not_depend_on_size():
    """After a restart the trials of an invalid Experiment use the readable fields."""
    validator = Validator()
    small = edited(stored(), {"spec.stopWhenNoProgress": {"trials": 0}})
    large = edited(small, {f"{CONTAINER}.command": [""] * 5000, "metadata.uid": "large"})
    await validator.prepare(large)
    specs = [validator.readable(body) for body in (small, large)]
    validator.close()
    assert [(spec.max_trial_count, spec.stop_when_no_progress) for spec in specs if spec] == [(200, None)] * 2


async def test_namespaces_take_turns_at_validation(monkeypatch: pytest.MonkeyPatch):
    """Many large Experiments of one team do not delay that of another team."""
    order: list[str] = []
    monkeypatch.setattr(validation, "_read", lambda body: order.append(body["metadata"]["namespace"]))
    validator = Validator()
    large = edited(stored(), {f"{CONTAINER}.command": [""] * 5000})
    bodies = [
        large | {"metadata": large["metadata"] | {"uid": f"{namespace}{i}", "namespace": namespace}}
        for namespace, count in (("a", 6), ("b", 2))
        for i in range(count)
    ]
    await asyncio.gather(*map(validator.prepare, bodies))
    validator.close()
    assert order == ["a", "a", "b", "a", "b", "a", "a", "a"]


async def test_another_generation_is_validated_again():
    """An edit may correct the error."""
    validator = Validator()
    body = edited(stored(), {f"{CONTAINER}.command[2]": LONG})
    await validator.prepare(body)
    await validator.prepare(stored(generation=2))
    assert validator.load(stored(generation=2)).name == "mnist"
    validator.close()


async def test_a_small_experiment_needs_no_thread():
    """Most Experiments are small."""
    validator = Validator()
    await validator.prepare(stored())
    assert validator.load(stored()).spec.max_trial_count == 200
    assert asyncio.all_tasks() == {asyncio.current_task()}
    validator.close()


async def test_errors_do_not_keep_a_large_manifest_in_memory():
    """Thousands of large invalid Experiments may be created and deleted."""
    validator = Validator()
    body = edited(stored(), {f"{CONTAINER}.command[2]": LONG})
    await validator.prepare(body)
    kept = validator._outcomes["u"].experiment
    assert (kept.__traceback__, kept.__context__) == (None, None)
    validator.forget(body)
    assert validator._outcomes == {}
    validator.close()
