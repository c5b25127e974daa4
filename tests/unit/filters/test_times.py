"""Milliseconds of filters against the microseconds that are stored."""

import math
import operator as python

import pytest
from hypothesis import given, strategies as st

from runstream_server.core.filters import MicrosecondRange, Operator, microsecond_range

COMPARE = {
    Operator.EQ: python.eq,
    Operator.NE: python.ne,
    Operator.LT: python.lt,
    Operator.LE: python.le,
    Operator.GT: python.gt,
    Operator.GE: python.ge,
}
INT64 = range(-(2**63), 2**63)


def holds(span: MicrosecondRange, time_us: int) -> bool:
    is_in = (span.start is None or span.start <= time_us) and (
        span.stop is None or time_us < span.stop
    )
    return is_in is span.inside


@given(
    operator=st.sampled_from(sorted(COMPARE)),
    value=st.integers(-5, 5) | st.floats(-5, 5),
    time_us=st.integers(-6_000, 6_000),
)
def test_stored_times_compare_as_their_whole_milliseconds(
    operator: Operator, value: float, time_us: int
) -> None:
    expected = COMPARE[operator](time_us // 1_000, value)

    assert holds(microsecond_range(operator, value), time_us) is expected


@pytest.mark.parametrize("operator", COMPARE)
@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, -(10**17), 10**17, 2**63])
def test_times_beyond_every_date_still_give_64_bit_bounds(operator: Operator, value: float) -> None:
    span = microsecond_range(operator, value)

    assert all(bound is None or bound in INT64 for bound in (span.start, span.stop))
    assert holds(span, 1_700_000_000_000_000) is COMPARE[operator](1_700_000_000_000, value)


def test_a_fraction_of_a_millisecond_equals_no_time() -> None:
    span = microsecond_range(Operator.EQ, 1.5)

    assert span.start == span.stop


@pytest.mark.parametrize("operator", [Operator.LIKE, Operator.IN, Operator.IS_NULL])
def test_operators_that_times_do_not_have_are_a_programming_error(operator: Operator) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        microsecond_range(operator, 1)
