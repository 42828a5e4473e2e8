"""Figures as people read them."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from common.translating.figures import significant, spelt


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (0.0, "0", "0"),
        (1.0, "1", "1"),
        (4.987, "4.99", "4,99"),
        (333.33, "333", "333"),
        (999.9, "1,000", "1.000"),
        (1630.4, "1,630", "1.630"),
        (999_999.0, "1.0 × 10⁶", "1,0 × 10⁶"),
        (1.634e9, "1.6 × 10⁹", "1,6 × 10⁹"),
        (0.00042, "4.2 × 10⁻⁴", "4,2 × 10⁻⁴"),
        (0.05, "0.05", "0,05"),
        (-1630.4, "-1,630", "-1.630"),
        (float("inf"), "∞", "∞"),
    ],
)
def test_a_number_has_as_many_digits_as_count(value, english, german):
    with override("en-gb"):
        assert significant(value, 3) == english
    with override("de"):
        assert significant(value, 3) == german


def test_exponents_in_a_text_are_written_out_and_nothing_else_changes():
    with override("en-gb"):
        assert (
            spelt("worse than the control: evidence 1.63e+03 of 200") == "worse than the control: evidence 1,630 of 200"
        )
        kept = "plan-1e+05x and v1.2e+3 of 0.05, 12e5"
        assert spelt(kept) == kept
