"""Shared settings: asserts of the helper packages print their values, and hypothesis ignores wall-clock time."""

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("scenarios", "support")
settings.register_profile("toprung", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("toprung")
