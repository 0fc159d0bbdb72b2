"""What a period costs by the formula is what it costs counted day by day."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.money import rounded
from apps.billing.plans import Interval, plan, plans
from apps.billing.proration import DateSpan, Price, following, owed

START = date(2026, 3, 1)
histories = st.lists(
    st.tuples(
        st.integers(min_value=-40, max_value=45),
        st.decimals(min_value=0, max_value=5000, places=2, allow_nan=False),
    ),
    max_size=12,
)


def day_by_day(first: date, upto: date, length: int, history: list[tuple[date, Decimal]]) -> Fraction:
    """Every day for itself: the last price that was agreed by the end of it, over the days of a whole period."""
    cost, day = Fraction(0), first
    while day < upto:
        price = Decimal(0)
        for since, amount in history:
            if since <= day:
                price = amount
        cost += Fraction(price) / length
        day += timedelta(days=1)
    return cost


@given(histories, st.integers(min_value=0, max_value=31))
def test_any_history_costs_what_its_days_cost(history: list[tuple[int, Decimal]], cut_to: int) -> None:
    dated = sorted(((START + timedelta(days=offset), amount) for offset, amount in history), key=lambda each: each[0])
    span = DateSpan(START, START + timedelta(days=cut_to), 31)
    found = owed(span, [Price(since, amount) for since, amount in dated])
    assert found == day_by_day(span.starts_on, span.ends_on, 31, dated)


@given(histories)
def test_what_is_charged_at_each_change_sums_to_what_the_days_cost(history: list[tuple[int, Decimal]]) -> None:
    """Each time the whole is worked out anew and what was charged is taken off, so no cent goes astray."""
    dated = sorted(((START + timedelta(days=offset), amount) for offset, amount in history), key=lambda each: each[0])
    span = DateSpan(START, START + timedelta(days=31), 31)
    charged = Decimal(0)
    for count in range(len(dated) + 1):
        known = [Price(since, amount) for since, amount in dated[:count]]
        charged += rounded(owed(span, known), "EUR") - charged
    assert charged == rounded(day_by_day(span.starts_on, span.ends_on, 31, dated), "EUR")


def test_a_change_of_the_same_day_replaces_the_one_before() -> None:
    span = DateSpan(START, START + timedelta(days=31), 31)
    assert owed(span, [Price(START, Decimal(31)), Price(START, Decimal(62))]) == 62


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from(list(Interval)), st.integers(0, 30))
def test_periods_follow_each_other_on_the_anchors_day(anchor: date, interval: Interval, count: int) -> None:
    day = anchor
    for passed in range(1, count + 1):
        day = following(anchor, day, interval)
        months = anchor.year * 12 + anchor.month - 1 + passed * interval.rank
        last = monthrange(months // 12, months % 12 + 1)[1]
        assert day == date(months // 12, months % 12 + 1, min(anchor.day, last))


def test_the_end_of_a_month_comes_back_after_a_short_one() -> None:
    assert following(date(2026, 1, 31), date(2026, 1, 31), Interval.MONTH) == date(2026, 2, 28)
    assert following(date(2026, 1, 31), date(2026, 2, 28), Interval.MONTH) == date(2026, 3, 31)


def test_the_plans_are_ordered_and_each_larger_one_gives_more() -> None:
    found = list(plans().values())
    assert [each.name for each in found] == ["Starter", "Professional", "Business"]
    for smaller, larger in pairwise(found):
        assert smaller.features <= larger.features
        assert larger.seats is None or (smaller.seats or 0) < larger.seats
        for key, price in smaller.prices.items():
            assert price < larger.prices[key]
            assert larger.price(Interval.YEAR, key[1]) < 12 * larger.price(Interval.MONTH, key[1])


def test_a_plan_that_is_not_there_is_refused() -> None:
    with pytest.raises(LookupError, match="gold"):
        plan("gold")
    with pytest.raises(LookupError, match="XXX"):
        plan("starter").price(Interval.MONTH, "XXX")
