"""Explanations: sentences in order, and the smallest changes that would help."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine

from apps.access.explain import Explanation, explain
from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.crm.models import Lead
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership
from tests.factories import (
    ActivityFactory,
    Cast,
    ContactFactory,
    LeadFactory,
    MembershipFactory,
    OverrideFactory,
    ParentMembershipFactory,
    make_cast,
    published,
    share,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def kinds(explanation: Explanation) -> list[str]:
    return [fix.kind for fix in explanation.fixes]


def test_a_no_tells_the_role_the_reach_and_what_would_help_smallest_first(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner, reference="L-17")
    explanation = explain(cast.member, "view_lead", lead)
    assert not explanation.allowed
    assert explanation.sentences == [
        "Ben Baker is Member on North. The role gives “View leads: If responsible”.",
        "L-17 is outside this scope: Ann Archer owns it; it is not shared with Ben Baker.",
        "Share L-17 with Ben Baker (view). Ann Archer can do that.",
        "Set an override for Ben Baker on North: “View leads” to Permitted. Ann Archer can do that.",
        "Make Ben Baker Admin on North. Ann Archer can do that.",
        "Give Ben Baker the parent role Viewer, which covers every branch. Ann Archer can do that.",
    ]


def test_a_yes_names_the_reach_that_matched(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, reference="L-1")
    assert explain(cast.member, "view_lead", lead).reasons[-1] == "L-1 is within this scope: Ben Baker owns it."
    shared = LeadFactory(branch=cast.branch, reference="L-2")
    share(shared, cast.team(cast.member), "view")
    assert explain(cast.member, "view_lead", shared).reasons[-1] == (
        "L-2 is within this scope: it is shared with Ben Baker."
    )


def test_the_prerequisite_that_fails_is_named_first(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_lead", scope=Scope.NONE, author=cast.owner)
    reasons = explain(cast.member, "change_lead", lead).reasons
    assert reasons == [
        "“Edit leads” requires “View leads”.",
        "Ben Baker is Member on North. An override by Ann Archer (“For now”) sets “View leads” to Prohibited"
        " instead of the role.",
    ]


@time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False)
def test_an_override_tells_its_author_its_reason_and_its_end(cast: Cast) -> None:
    OverrideFactory(
        branch=cast.branch,
        user=cast.member,
        permission="manage_billing",
        author=cast.owner,
        reason="Covers for Ann",
        expires_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    OverrideFactory(
        branch=cast.branch,
        user=cast.member,
        permission="view_billing",
        reason="Audit",
        expires_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    assert explain(cast.member, "manage_billing", cast.branch).reasons == [
        "Ben Baker is Member on North. An override by Ann Archer (“Covers for Ann”) sets “Manage billing” to Permitted"
        " until 1 July 2026, 00:00 instead of the role."
    ]
    assert explain(cast.member, "view_billing", cast.branch).reasons[0] == (
        "An override (“Audit”) set “View billing” to Permitted and ended on 1 May 2026, 00:00."
    )


def test_an_override_on_a_locked_role_is_said_to_have_no_effect() -> None:
    cast = make_cast("amocrm")
    OverrideFactory(branch=cast.branch, user=cast.owner, permission="view_lead", scope=Scope.NONE)
    explanation = explain(cast.owner, "view_lead", LeadFactory(branch=cast.branch))
    assert explanation.allowed
    assert "has no effect: the role Administrator does not allow it" in explanation.reasons[0]


def test_what_the_role_never_grants_is_mended_by_another_role_only() -> None:
    cast = make_cast("onepagecrm")
    explanation = explain(cast.member, "delete_contact", ContactFactory(branch=cast.branch))
    assert kinds(explanation) == ["role"]
    assert explanation.fixes[0].sentence == f"Make Ben Baker Administrator on {cast.branch}."


def test_the_ladder_offers_only_higher_rungs() -> None:
    cast = make_cast("staff-ladder", member_role="project_manager")
    explanation = explain(cast.member, "view_billing", cast.branch)
    assert [fix.sentence for fix in explanation.fixes] == ["Make Ben Baker Admin on North."]


def test_privacy_has_no_fix(cast: Cast) -> None:
    contact = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    explanation = explain(cast.owner, "view_contact", contact)
    assert not explanation.allowed
    assert explanation.fixes == []
    assert "private to another person" in explanation.reasons[0]


def test_an_activity_is_explained_by_what_it_is_about(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, reference="L-9")
    note = ActivityFactory(about=lead, reference="N-1")
    explanation = explain(cast.member, "view_activity", note)
    assert "N-1 is about L-9 and visible to the people who can view that." in explanation.reasons
    assert explanation.fixes[0].sentence == "Share L-9 with Ben Baker (view)."


def test_nobody_is_named_who_would_give_more_than_they_have(cast: Cast) -> None:
    ParentMembership.objects.filter(user=cast.owner).delete()
    explanation = explain(cast.member, "change_account", cast.account)
    assert kinds(explanation) == ["override", "parent_role"]
    assert all(fix.who == [] for fix in explanation.fixes)
    assert explanation.fixes[0].with_people.endswith("No member of the account can do that now.")


def test_state_comes_before_rights(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    Account.objects.filter(pk=cast.account.pk).update(status="closed")
    assert explain(cast.member, "view_lead", lead).reasons == ["Acme is closed. A closed account gives no access."]
    Account.objects.filter(pk=cast.account.pk).update(status="active", features=[])
    explanation = explain(cast.owner, "manage_roles", cast.account)
    assert kinds(explanation) == ["plan"]
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert explain(cast.member, "view_lead", lead).reasons == ["Ben Baker is deactivated and has no access."]


def test_a_removed_member_can_be_restored(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    cast.remove(cast.member)
    explanation = explain(cast.member, "view_lead", lead)
    assert explanation.reasons == ["Ben Baker was Member on North and has been removed."]
    assert kinds(explanation) == ["restore", "parent_role"]


def test_a_closed_branch_is_said_to_be_closed(cast: Cast) -> None:
    Branch.objects.filter(pk=cast.branch.pk).update(status="closed")
    explanation = explain(cast.member, "view_lead", LeadFactory(branch=cast.branch, responsible=cast.member))
    assert explanation.reasons == ["North is closed, so its memberships give no access."]


def apply_override(cast: Cast, sentence: str) -> None:
    for label, codename in (("View leads", "view_lead"), ("Export leads", "export_lead")):
        if f"“{label}” to" not in sentence:
            continue
        words = sentence.partition(f"“{label}” to ")[2]
        scope = Scope.ALL if words.startswith("Permitted") else Scope.RESPONSIBLE | Scope.SHARED
        Override.objects.update_or_create(
            account=cast.account,
            branch=cast.branch,
            user=cast.member,
            permission=codename,
            defaults={"scope": scope, "reason": "As proposed"},
        )


def apply_share(cast: Cast, sentence: str) -> None:
    share(Lead.objects.get(), cast.member, *sentence.partition("(")[2].partition(")")[0].split(", "))


def apply_role(cast: Cast, sentence: str) -> None:
    Membership.objects.filter(user=cast.member, branch=cast.branch).update(role=published("atlas", "admin"))


def apply_parent(cast: Cast, sentence: str) -> None:
    ParentMembershipFactory(account=cast.account, user=cast.member, role="super_admin")


@pytest.mark.parametrize(
    ("permission", "place", "apply"),
    [
        ("view_lead", 0, apply_share),
        ("view_lead", 1, apply_override),
        ("export_lead", 0, apply_override),
        ("export_lead", 1, apply_role),
        ("export_lead", 2, apply_parent),
    ],
)
def test_a_proposed_change_turns_the_no_into_a_yes(
    cast: Cast, permission: str, place: int, apply: Callable[[Cast, str], None]
) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    assert not may(cast.member, permission, lead)
    apply(cast, explain(cast.member, permission, lead).fixes[place].sentence)
    assert may(cast.member, permission, lead)


def test_a_member_of_another_branch_is_told_that_they_are_no_member(cast: Cast) -> None:
    south = cast.branch_beside()
    MembershipFactory(branch=south, user=cast.outsider, role="member")
    explanation = explain(cast.outsider, "view_lead", LeadFactory(branch=cast.branch))
    assert explanation.reasons == ["Olga Outsider is not a member of North."]
    assert "membership" in kinds(explanation)
