"""Shared by all tests: asserts of the helper packages print their values, as those of test modules do."""

import pytest

pytest.register_assert_rewrite("scenarios", "support")
