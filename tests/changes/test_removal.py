"""Members who are removed, leave, come back, or are deleted for good; and what becomes of their records."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.handover import Delete, HandOver, HandOverPlan
from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import Branch, User
from apps.audit.models import Entry
from apps.changes.context import ChangeContext
from apps.changes.members import AddToBranch
from apps.changes.refusals import Guard
from apps.changes.removal import DeleteMember, Leave, RemoveMember, RestoreMember
from apps.crm.models import Change as HistoryEntry
from apps.crm.models import Contact, Lead, Task
from apps.teams.models import Membership, ParentMembership, TeamMember
from tests.changes.tries import made, refusal, refused
from tests.factories import (
    Cast,
    ContactFactory,
    LeadFactory,
    OperatorFactory,
    ParentMembershipFactory,
    TaskFactory,
    UserFactory,
    make_cast,
    published,
    share,
)

pytestmark = pytest.mark.django_db

LEFT = HandOverPlan({}, Delete())


def remove(cast: Cast, user: User, branch: Branch | None = None, plan: HandOverPlan = LEFT) -> RemoveMember:
    branch_id = None if branch is None else branch.pk
    return RemoveMember(account_id=cast.account.pk, user_id=user.pk, branch_id=branch_id, removal_plan=plan)


def back(kind: type[Any], cast: Cast, user: User, branch: Branch | None = None) -> Any:
    return kind(account_id=cast.account.pk, user_id=user.pk, branch_id=None if branch is None else branch.pk)


def leave(cast: Cast, branch: Branch | None = None, plan: HandOverPlan = LEFT) -> Leave:
    branch_id = None if branch is None else branch.pk
    return Leave(account_id=cast.account.pk, branch_id=branch_id, removal_plan=plan)


def held(user: User, branch: Branch) -> Membership:
    return Membership.objects.get(user=user, branch=branch)


# --- Removing ---


def test_a_removed_member_may_nothing_from_now_on() -> None:
    cast = make_cast("atlas")
    lead = LeadFactory(branch=cast.branch)
    share(lead, cast.member, "view")
    assert may(cast.member, "view_lead", lead)
    told = {entry.target_type: entry for entry in made(remove(cast, cast.member), cast.owner)}
    assert told.keys() == {"teams.membership", "access.removal_plan"}
    entry = told["teams.membership"]
    assert (entry.before["status"], entry.after["status"]) == ("active", "removed")
    assert held(cast.member, cast.branch).removed_at is not None
    assert not may(cast.member, "view_lead", lead)
    assert not may(cast.member, "view_branch", cast.branch)


def test_each_guard_says_no_to_a_removal_for_itself() -> None:
    cast = make_cast("atlas")
    admin, other = cast.join("admin"), cast.join("admin")
    assert refused(remove(cast, cast.member), None, "") is Guard.REASON
    assert refused(remove(cast, admin), cast.member) is Guard.RIGHT
    assert refused(remove(cast, admin), admin) is Guard.ONESELF
    assert refused(remove(cast, cast.owner), admin) is Guard.ABOVE
    assert refused(remove(cast, cast.outsider), cast.owner) is Guard.TARGET
    assert refused(remove(cast, cast.member), cast.outsider) is Guard.TARGET
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert refused(remove(cast, cast.member), admin) is Guard.RIGHT
    cast.remove(other)
    assert refused(remove(cast, cast.member), other) is Guard.RIGHT
    assert refused(remove(cast, other), cast.owner) is Guard.TARGET
    ParentMembership.objects.all().delete()
    assert refused(remove(cast, cast.owner), None) is Guard.LAST_KEEPER


def test_the_single_and_shielded_one_stays() -> None:
    ladder = make_cast("staff-ladder")
    assert refused(remove(ladder, ladder.owner), ladder.join("admin")) is Guard.SHIELD
    assert refused(remove(ladder, ladder.owner), None) is Guard.SINGLE
    assert refused(leave(ladder), ladder.owner) is Guard.SINGLE


def test_one_branch_or_all_of_them() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join("member", branch=south, user=cast.member)
    made(remove(cast, cast.member, south), cast.owner)
    assert held(cast.member, cast.branch).status == "active"
    made(back(RestoreMember, cast, cast.member, south), cast.owner)
    made(remove(cast, cast.member), cast.owner)
    assert {place.status for place in Membership.objects.filter(user=cast.member)} == {"removed"}


def test_all_branches_need_the_right_on_each() -> None:
    cast = make_cast("atlas")
    south, admin = cast.branch_beside(), cast.join("admin")
    cast.join("member", branch=south, user=cast.member)
    assert refused(remove(cast, cast.member), admin) is Guard.RIGHT
    made(remove(cast, cast.member, cast.branch), admin)
    # Of two branches the guard is named that is asked first: here above, and there the right.
    chief = cast.join("owner")
    cast.join("member", branch=south, user=chief)
    assert refused(remove(cast, chief, cast.branch), admin) is Guard.ABOVE
    assert refused(remove(cast, chief), admin) is Guard.RIGHT


def test_a_closed_branch_takes_no_change() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join("member", branch=south, user=cast.member)
    Branch.objects.filter(pk=south.pk).update(status="closed")
    for change in (remove(cast, cast.member, south), back(RestoreMember, cast, cast.member, south)):
        assert str(refusal(change, cast.owner)) == "South is closed."
    made(remove(cast, cast.member), cast.owner)
    assert held(cast.member, south).status == "active"


def test_a_parent_role_outlasts_the_removal() -> None:
    cast = make_cast("atlas")
    ParentMembershipFactory(account=cast.account, user=cast.member, role="viewer")
    change = remove(cast, cast.member)
    context = ChangeContext.lock(cast.account.pk, cast.owner, "Because")
    assert list(change.notes(context)) == ["Ben Baker keeps the parent role Viewer until it is revoked."]
    made(change, cast.owner)
    assert may(cast.member, "view_branch", cast.branch)


# --- The removal plan ---


def test_records_and_open_tasks_go_to_named_colleagues_and_the_rest_stays() -> None:
    cast = make_cast("atlas")
    heir, other = cast.join(), cast.join()
    lead, contact = (make(branch=cast.branch, responsible=cast.member) for make in (LeadFactory, ContactFactory))
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    done = TaskFactory(branch=cast.branch, responsible=cast.member, done=True)
    plan = HandOverPlan({"lead": heir.pk, "task": other.pk}, Delete())
    entries = made(remove(cast, cast.member, plan=plan), cast.owner)
    assert Lead.objects.get(pk=lead.pk).responsible == heir
    assert Task.objects.get(pk=task.pk).responsible == other
    assert Task.objects.get(pk=done.pk).responsible == cast.member
    assert Contact.objects.get(pk=contact.pk).responsible == cast.member
    told = next(entry for entry in entries if entry.target_type == "access.removal_plan")
    assert told.after == {
        "lead": heir.pk,
        "task": other.pk,
        "names": {"lead": heir.name, "task": other.name, "private": "deleted"},
    }
    assert HistoryEntry.objects.get(record_id=lead.pk, record_type="lead").actor_name == cast.owner.name


def test_what_is_left_stays_in_the_teams_sight() -> None:
    cast = make_cast("amocrm")
    mate = cast.join()
    cast.team(cast.member, mate)
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    made(remove(cast, cast.member), cast.owner)
    assert may(mate, "view_lead", lead) is True
    assert Lead.objects.get().responsible == cast.member


def test_private_contacts_are_always_asked_about() -> None:
    cast = make_cast("atlas")
    unsaid = refusal(remove(cast, cast.member, plan=HandOverPlan({}, None)), cast.owner)
    assert str(unsaid) == (
        "The offboarding plan doesn't cover private contacts. Choose a new owner for them, or delete them."
    )
    ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    assert str(refusal(remove(cast, cast.member, plan=HandOverPlan({}, None)), cast.owner)) == str(unsaid)


@pytest.mark.parametrize("handed_over", [True, False])
def test_private_contacts_go_where_the_plan_says_and_nobody_is_told_of_any(handed_over: bool) -> None:
    cast = make_cast("atlas")
    heir, other = cast.join(), cast.join(user=UserFactory(name=cast.member.name))
    contact = ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    plan = HandOverPlan({}, HandOver(heir.pk) if handed_over else Delete())
    told = [
        [(entry.target_type, entry.target_text, entry.after.keys(), entry.after["names"]) for entry in entries]
        for entries in (made(remove(cast, leaver, plan=plan), cast.owner) for leaver in (cast.member, other))
    ]
    assert told[0] == told[1]
    found = Contact.objects.filter(pk=contact.pk).first()
    assert (found and found.responsible) == (heir if handed_over else None)


def test_only_an_active_member_of_the_branch_receives() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    elsewhere, removed, inactive = cast.join(branch=south), cast.join(), cast.join()
    cast.remove(removed)
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    LeadFactory(branch=cast.branch, responsible=cast.member)
    words = set()
    for receiver in (elsewhere, removed, inactive, cast.outsider, cast.member):
        for plan in (HandOverPlan({"lead": receiver.pk}, Delete()), HandOverPlan({}, HandOver(receiver.pk))):
            words.add(str(refusal(remove(cast, cast.member, cast.branch, plan), cast.owner)))
    assert words == {"Choose an active member of North: only they can own records there."}
    # Whoever may not remove is told nothing of that either.
    plan = HandOverPlan({"lead": removed.pk}, Delete())
    assert refused(remove(cast, inactive, cast.branch, plan), cast.member) is Guard.RIGHT


def test_what_is_refused_at_the_end_has_handed_nothing_over() -> None:
    cast = make_cast("atmos")
    heir = cast.join()
    LeadFactory(branch=cast.branch, responsible=cast.owner)
    plan = HandOverPlan({"lead": heir.pk}, Delete())
    assert refused(remove(cast, cast.owner, plan=plan), None) is Guard.LAST_KEEPER
    assert Lead.objects.get().responsible == cast.owner


# --- Leaving ---


def test_whoever_leaves_needs_no_right_and_says_what_becomes_of_their_records() -> None:
    cast = make_cast("atlas")
    heir = cast.join()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    made(leave(cast, cast.branch, HandOverPlan({"lead": heir.pk}, Delete())), cast.member)
    assert held(cast.member, cast.branch).status == "removed"
    assert Lead.objects.get(pk=lead.pk).responsible == heir
    assert refused(leave(cast), cast.member) is Guard.TARGET


def test_nobody_leaves_onepagecrm_by_themselves() -> None:
    onepage = make_cast("onepagecrm")
    for leaver in (onepage.member, onepage.owner, onepage.join("administrator")):
        assert refused(leave(onepage), leaver) is Guard.ONESELF
    assert refused(leave(onepage), None) is Guard.TARGET


def test_the_last_keeper_does_not_leave() -> None:
    cast = make_cast("atmos")
    assert refused(leave(cast), cast.owner) is Guard.LAST_KEEPER
    assert refused(leave(cast), cast.outsider) is Guard.TARGET
    cast.join("admin")
    made(leave(cast), cast.owner)


def test_whoever_has_been_deactivated_does_not_leave() -> None:
    cast = make_cast("atlas")
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert refused(leave(cast), cast.member) is Guard.RIGHT


def test_leaving_is_undone_by_restoring_alone() -> None:
    cast = make_cast("atlas")
    made(leave(cast), cast.member)
    assert refused(back(RestoreMember, cast, cast.member), cast.member) is Guard.ONESELF
    made(back(RestoreMember, cast, cast.member), cast.owner)


# --- The Restore list ---


def test_who_is_restored_has_role_teams_overrides_and_shares_as_they_were() -> None:
    cast = make_cast("amocrm")
    mate = cast.join()
    cast.team(cast.member, mate)
    cast.let(cast.member, "view_reports")
    shared, mates = LeadFactory(branch=cast.branch), LeadFactory(branch=cast.branch, responsible=mate)
    share(shared, cast.member, "view", "change")

    def may_now() -> list[bool]:
        return [
            may(cast.member, "view_reports", cast.branch),
            may(cast.member, "change_lead", shared),
            may(cast.member, "view_lead", mates),
        ]

    before, rows = may_now(), list(Membership.objects.filter(user=cast.member).values())
    assert before[:2] == [True, True]
    made(remove(cast, cast.member), cast.owner)
    assert may_now() == [False, False, False]
    made(back(RestoreMember, cast, cast.member), cast.owner)
    assert may_now() == before
    assert list(Membership.objects.filter(user=cast.member).values()) == rows


def test_each_guard_says_no_to_restoring_and_deleting_for_itself() -> None:
    cast = make_cast("atlas")
    admin, other = cast.join("admin"), cast.join("owner")
    for kind in (RestoreMember, DeleteMember):
        assert refused(back(kind, cast, cast.member), cast.owner) is Guard.TARGET
        assert refused(back(kind, cast, cast.outsider), cast.owner) is Guard.TARGET
    cast.remove(cast.member)
    cast.remove(other)
    plain = cast.join()
    for kind in (RestoreMember, DeleteMember):
        assert refused(back(kind, cast, cast.member), plain) is Guard.RIGHT
        assert refused(back(kind, cast, cast.member), cast.outsider) is Guard.TARGET
        assert refused(back(kind, cast, cast.member), cast.owner, " ") is Guard.REASON
    assert refused(back(RestoreMember, cast, other), admin) is Guard.ESCALATION
    ParentMembershipFactory(account=cast.account, user=cast.member, role="super_admin")
    for kind in (RestoreMember, DeleteMember):
        assert refused(back(kind, cast, cast.member), admin) is Guard.ABOVE
    viewer = UserFactory()
    cast.join("admin", user=viewer)
    ParentMembershipFactory(account=cast.account, user=viewer, role="viewer")
    cast.remove(viewer)
    ParentMembershipFactory._meta.model.objects.filter(user=viewer).update(role=published("atlas", "super_admin"))
    for kind in (RestoreMember, DeleteMember):
        assert refused(back(kind, cast, viewer), viewer) is Guard.ONESELF


def test_the_single_role_is_not_restored() -> None:
    cast = make_cast("staff-ladder")
    former = cast.join("admin")
    Membership.objects.filter(user=former).update(role=published("staff-ladder", "super_admin"))
    cast.remove(former)
    assert refused(back(RestoreMember, cast, former), None) is Guard.SINGLE
    made(back(DeleteMember, cast, former), None)


def test_an_override_that_the_restorer_lacks_is_not_given_back() -> None:
    cast = make_cast("atlas")
    admin = cast.join("admin")
    cast.let(cast.member, "delete_branch")
    cast.remove(cast.member)
    assert refused(back(RestoreMember, cast, cast.member), admin) is Guard.ESCALATION
    made(back(RestoreMember, cast, cast.member), cast.owner)


def test_deleted_for_good_all_that_hung_on_the_membership_goes() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join("member", branch=south, user=cast.member)
    cast.team(cast.member)
    cast.team(cast.member, branch=south)
    for branch in (cast.branch, south):
        cast.let(cast.member, "view_reports", branch=branch)
        share(LeadFactory(branch=branch, responsible=cast.member), cast.member, "view", "change")
    cast.remove(cast.member)
    entries = made(back(DeleteMember, cast, cast.member), cast.owner)
    assert sorted(entry.target_type for entry in entries) == [
        "access.override",
        "crm.leadusershare",
        "crm.leadusershare",
        "teams.membership",
        "teams.teammember",
    ]
    assert all(entry.after is None for entry in entries)
    shares = Lead._meta.apps.get_model("crm", "LeadUserShare").objects.filter(user=cast.member)
    assert {row.content_object.branch for row in shares} == {south}
    assert Membership.objects.get(user=cast.member).branch == south
    assert Override.objects.get(user=cast.member).branch == south
    assert TeamMember.objects.get(user=cast.member).team.branch == south
    assert Lead.objects.filter(responsible=cast.member).count() == 2
    again = AddToBranch(
        account_id=cast.account.pk,
        user_id=cast.member.pk,
        branch_id=cast.branch.pk,
        role_id=published("atlas", "member").pk,
    )
    made(again, cast.owner)
    assert not may(cast.member, "view_reports", cast.branch)


def test_down_the_ladder_goes_who_is_deleted_and_added_again() -> None:
    cast = make_cast("staff-ladder", member_role="admin")
    made(remove(cast, cast.member), cast.owner)
    made(back(DeleteMember, cast, cast.member), cast.owner)
    assert not Entry.objects.filter(after=None, before=None).exists()
    cast.join("teammate", user=cast.member)
    assert held(cast.member, cast.branch).role.key == "teammate"


def test_an_operator_does_all_of_it_and_a_superuser_outside_of_a_session_nothing() -> None:
    cast = make_cast("atlas")
    operator, nobody = OperatorFactory(), OperatorFactory(session=False)
    for change in (
        remove(cast, cast.member),
        back(RestoreMember, cast, cast.member),
        remove(cast, cast.member),
        back(DeleteMember, cast, cast.member),
    ):
        assert refused(change, nobody) is Guard.TARGET
        made(change, operator)
