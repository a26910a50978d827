"""Every kernel in single precision equals its definition in double: sizes, layouts and lengths at random."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels.random_calls import check

from bicameral.kernels import native


@pytest.mark.skipif(native.library() is None, reason="no native library")
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 10**9))
def test_any_call_equals_the_definition(seed):
    check(seed)
