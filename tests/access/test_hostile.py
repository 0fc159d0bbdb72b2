"""Hostile states that no form makes, one by one."""

import pytest

from apps.access.policy import may
from apps.access.querysets import visible_to
from tests.factories import LeadFactory, make_cast, share

pytestmark = pytest.mark.django_db


def test_a_share_to_a_team_of_another_branch_gives_nothing_even_to_a_member_of_both() -> None:
    cast = make_cast()
    south = cast.branch_beside()
    cast.join(branch=south, user=cast.member)
    cast.team(cast.member)
    lead = LeadFactory(branch=cast.branch)
    share(lead, cast.team(cast.member, branch=south), "view")
    assert not may(cast.member, "view_lead", lead)
    assert not visible_to(cast.member, "view_lead", account=cast.account).exists()
    share(lead, cast.team(cast.member), "view")
    assert may(cast.member, "view_lead", lead)
    assert visible_to(cast.member, "view_lead", account=cast.account).get() == lead
