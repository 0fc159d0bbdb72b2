"""Each further kind of change once: what it writes, that it is logged, and that it is nothing the second time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.access import shares
from apps.access.models import AccessRequest, Override
from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Operation
from apps.changes.accounts import ChangeAccount, CloseAccount, KeepAccount, close_due_accounts
from apps.changes.base import Change
from apps.changes.branches import ChangeBranch, CloseBranch, CreateBranch, ReopenBranch
from apps.changes.custom_roles import CopyRole, DeleteRole, EditRole
from apps.changes.jobs import close_accounts
from apps.changes.parent_roles import ChangeParentRole, GrantParentRole, RevokeParentRole
from apps.changes.refusals import Guard, Refusal
from apps.changes.requests import ApproveRequest, DeclineRequest, RequestAccess, WithdrawRequest
from apps.changes.sharing import ChangeShare, GrantShare, RevokeShare
from apps.changes.switching import SwitchScheme
from apps.changes.teams import AddTeam, ChangeTeam, DeleteTeam
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, Team, TeamMember
from tests.audit.chains import report
from tests.factories import Cast, LeadFactory, make_cast, published

pytestmark = pytest.mark.django_db


def applied(change: Change, actor: User | None, reason: str = "Because") -> None:
    done = change.apply(actor=actor, reason=reason)
    operation = Operation.objects.get(pk=str(done.operation_id))
    assert operation.verb == change.verb.word
    assert operation.reason == reason
    assert operation.entries.exists()
    assert report(change.account_id).sound


def refused(change: Change, actor: User | None) -> Guard:
    with pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason="Because")
    assert str(caught.value)
    return caught.value.guard


def test_parent_roles() -> None:
    cast = make_cast("atlas")
    common: dict[str, Any] = {"account_id": cast.account.pk, "user_id": cast.member.pk}
    viewer, billing = published("atlas", "viewer").pk, published("atlas", "billing_admin").pk
    supreme = published("atlas", "super_admin").pk
    owner = cast.join("owner")
    assert refused(GrantParentRole(**common, role_id=viewer), owner) is Guard.RIGHT
    assert refused(GrantParentRole(account_id=cast.account.pk, user_id=cast.owner.pk, role_id=viewer), cast.owner) in (
        Guard.TARGET,
        Guard.ONESELF,
    )
    assert refused(GrantParentRole(**common, role_id=published("atlas", "member").pk), cast.owner) is Guard.TARGET
    applied(GrantParentRole(**common, role_id=viewer), cast.owner)
    assert refused(GrantParentRole(**common, role_id=viewer), cast.owner) is Guard.TARGET
    assert ChangeParentRole(**common, role_id=viewer).apply(actor=cast.owner, reason="Again").operation_id is None
    applied(ChangeParentRole(**common, role_id=billing), cast.owner)
    applied(RevokeParentRole(**common), cast.owner)
    assert refused(RevokeParentRole(**common), cast.owner) is Guard.TARGET
    applied(GrantParentRole(**common, role_id=supreme), cast.owner)
    applied(RevokeParentRole(account_id=cast.account.pk, user_id=cast.owner.pk), cast.member)
    assert ParentMembership.objects.get(account=cast.account).user == cast.member


def test_shares() -> None:
    cast = make_cast("atlas")
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    common: dict[str, Any] = {"account_id": cast.account.pk, "record_type": "lead", "record_id": lead.pk}
    give = GrantShare(**common, user_id=cast.member.pk, verbs=frozenset({"view", "change"}))
    assert refused(give, cast.member) is Guard.TARGET
    applied(give, cast.owner)
    assert may(cast.member, "change_lead", lead)
    assert refused(give, cast.owner) is Guard.TARGET
    applied(ChangeShare(**common, user_id=cast.member.pk, verbs=frozenset({"view"})), cast.owner)
    assert not may(cast.member, "change_lead", lead)
    assert may(cast.member, "view_lead", lead)
    again = GrantShare(**common, user_id=cast.outsider.pk, verbs=frozenset({"view"}))
    assert refused(again, cast.owner) is Guard.TARGET
    assert refused(RevokeShare(**common, user_id=cast.member.pk), cast.member) is Guard.RIGHT
    applied(RevokeShare(**common, user_id=cast.member.pk), cast.owner)
    assert not may(cast.member, "view_lead", lead)
    team = cast.team(cast.member)
    applied(GrantShare(**common, team_id=team.pk, verbs=frozenset({"view"})), cast.owner)
    assert may(cast.member, "view_lead", lead)
    applied(DeleteTeam(account_id=cast.account.pk, team_id=team.pk), cast.owner)
    assert not may(cast.member, "view_lead", lead)
    assert not shares.of_group(team.group_id)


def test_requests() -> None:
    cast = make_cast("atlas")
    ask = RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission="view_reports")
    applied(ask, cast.member, "For the quarter")
    assert refused(ask, cast.member) is Guard.TARGET
    request = AccessRequest.objects.get()
    assert request.message == "For the quarter"
    approve = ApproveRequest(account_id=cast.account.pk, request_id=request.pk, expires_at=_in_days(3))
    assert refused(approve, cast.member) is Guard.ONESELF
    assert refused(approve, cast.join()) is Guard.RIGHT
    applied(approve, cast.owner)
    assert may(cast.member, "view_reports", cast.branch)
    assert Override.objects.get().expires_at == approve.expires_at
    assert refused(approve, cast.owner) is Guard.TARGET
    applied(RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission="export_lead"), cast.member)
    request = AccessRequest.objects.get(status="open")
    assert refused(WithdrawRequest(account_id=cast.account.pk, request_id=request.pk), cast.owner) is Guard.RIGHT
    assert refused(DeclineRequest(account_id=cast.account.pk, request_id=request.pk), cast.member) is Guard.ONESELF
    applied(DeclineRequest(account_id=cast.account.pk, request_id=request.pk), cast.owner)
    applied(RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission="export_lead"), cast.member)
    request = AccessRequest.objects.get(status="open")
    applied(WithdrawRequest(account_id=cast.account.pk, request_id=request.pk), cast.member)


def test_a_request_for_one_record_is_a_share_of_it() -> None:
    cast = make_cast("atlas")
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    hidden = LeadFactory(branch=cast.branch, responsible=cast.owner)
    common: dict[str, Any] = {"account_id": cast.account.pk, "branch_id": cast.branch.pk, "record_type": "lead"}
    assert refused(RequestAccess(**common, permission="view_lead", record_id=hidden.pk), cast.member) is Guard.TARGET
    applied(RequestAccess(**common, permission="delete_lead", record_id=lead.pk), cast.member)
    request = AccessRequest.objects.get()
    ended = ApproveRequest(account_id=cast.account.pk, request_id=request.pk, expires_at=_in_days(3))
    assert refused(ended, cast.owner) is Guard.TARGET
    applied(ApproveRequest(account_id=cast.account.pk, request_id=request.pk), cast.owner)
    assert shares.shared_codenames(lead, cast.member.pk, ()) == {"delete_lead"}


def test_teams() -> None:
    cast = make_cast("amocrm")
    other = cast.join()
    add = AddTeam(
        account_id=cast.account.pk, branch_id=cast.branch.pk, slug="sales", name="Sales", user_ids=(cast.member.pk,)
    )
    assert refused(add, cast.member) is Guard.RIGHT
    applied(add, cast.owner)
    assert refused(add, cast.owner) is Guard.TARGET
    team = Team.objects.get()
    assert team.group.name == f"team:{team.pk}"
    applied(
        ChangeTeam(account_id=cast.account.pk, team_id=team.pk, name="Vente", user_ids=frozenset({other.pk})),
        cast.owner,
    )
    team.refresh_from_db()
    assert (team.name, TeamMember.objects.get().user) == ("Vente", other)
    outsider = frozenset({cast.outsider.pk})
    assert refused(ChangeTeam(account_id=cast.account.pk, team_id=team.pk, user_ids=outsider), cast.owner) is (
        Guard.TARGET
    )
    applied(DeleteTeam(account_id=cast.account.pk, team_id=team.pk), cast.owner)
    assert not Team.objects.exists()


def test_branches() -> None:
    cast = make_cast("atlas")
    applied(CreateBranch(account_id=cast.account.pk, slug="south", name="South"), cast.owner)
    south = Branch.objects.get(slug="south")
    assert refused(CreateBranch(account_id=cast.account.pk, slug="South", name="South"), cast.owner) is Guard.TARGET
    assert refused(ChangeBranch(account_id=cast.account.pk, branch_id=south.pk, name="Süd"), cast.member) is Guard.RIGHT
    applied(ChangeBranch(account_id=cast.account.pk, branch_id=south.pk, name="Süd"), cast.owner)
    lead = LeadFactory(branch=cast.branch)
    close = CloseBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, records_to=south.pk)
    applied(close, cast.owner)
    lead.refresh_from_db()
    assert lead.branch == south
    last = CloseBranch(account_id=cast.account.pk, branch_id=south.pk)
    assert refused(last, cast.owner) is Guard.LAST_KEEPER
    applied(ReopenBranch(account_id=cast.account.pk, branch_id=cast.branch.pk), cast.owner)
    assert may(cast.member, "view_branch", cast.branch)


def test_the_account_is_closed_after_a_waiting_period_and_taken_back_before() -> None:
    cast = make_cast("amocrm")
    applied(ChangeAccount(account_id=cast.account.pk, name="Acme & Sons"), cast.owner)
    assert refused(CloseAccount(account_id=cast.account.pk), cast.member) is Guard.RIGHT
    applied(CloseAccount(account_id=cast.account.pk), cast.owner)
    assert may(cast.owner, "view_branch", cast.branch)
    assert close_due_accounts() == 0
    applied(KeepAccount(account_id=cast.account.pk), cast.owner)
    applied(CloseAccount(account_id=cast.account.pk, waiting=timedelta(0)), cast.owner)
    assert close_accounts.func(timestamp=0) == 1
    assert close_due_accounts() == 0
    assert Account.objects.get(pk=cast.account.pk).status == "closed"
    assert not may(cast.owner, "view_branch", cast.branch)
    assert refused(KeepAccount(account_id=cast.account.pk), cast.owner) is Guard.RIGHT
    applied(KeepAccount(account_id=cast.account.pk), None)
    assert may(cast.owner, "view_branch", cast.branch)


def test_own_roles() -> None:
    cast = make_cast("amocrm")
    copy = CopyRole(account_id=cast.account.pk, based_on="employee", name="Auditor", grants={"export_lead": Scope.ALL})
    assert refused(copy, cast.member) is Guard.RIGHT
    applied(copy, cast.owner)
    role = Role.objects.get(account_id=cast.account.pk)
    assert refused(
        CopyRole(account_id=cast.account.pk, based_on="employee", name="Payer", grants={"view_billing": Scope.ALL}),
        cast.owner,
    ) is (Guard.LOCKED)
    assert refused(CopyRole(account_id=cast.account.pk, based_on="administrator", name="Boss"), cast.owner) is (
        Guard.PUBLISHED
    )
    Membership.objects.filter(user=cast.member).update(role=role)
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    applied(EditRole(account_id=cast.account.pk, role_id=role.pk, grants={"view_lead": Scope.NONE}), cast.owner)
    assert not may(cast.member, "view_lead", lead)
    employee = published("amocrm", "employee")
    assert refused(EditRole(account_id=cast.account.pk, role_id=employee.pk, name="X"), cast.owner) is Guard.PUBLISHED
    assert refused(DeleteRole(account_id=cast.account.pk, role_id=role.pk), cast.owner) is Guard.TARGET
    Membership.objects.filter(user=cast.member).update(role=employee)
    applied(DeleteRole(account_id=cast.account.pk, role_id=role.pk), cast.owner)
    assert not Role.objects.filter(account_id=cast.account.pk).exists()
    assert refused(CopyRole(account_id=make_other().pk, based_on="owner", name="Mine"), None) is Guard.PUBLISHED


def make_other() -> Account:
    account = Account.objects.create(slug="other", name="Other", scheme="atlas")
    Branch.objects.create(account=account, slug="main", name="Main")
    return account


def test_the_scheme_is_switched_with_a_map() -> None:
    cast = make_cast("amocrm")
    roles = {"administrator": "admin", "employee": "user"}
    switch = SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles=roles)
    assert refused(switch, cast.member) is Guard.RIGHT
    assert refused(SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles={}), cast.owner) is Guard.TARGET
    twice = SwitchScheme(account_id=cast.account.pk, scheme="onepagecrm", roles=dict.fromkeys(roles, "account_owner"))
    assert refused(twice, cast.owner) is Guard.SINGLE
    nobody = SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles=dict.fromkeys(roles, "user"))
    assert refused(nobody, cast.owner) is Guard.LAST_KEEPER
    applied(switch, cast.owner)
    held = {m.user: (m.role.scheme, m.role.key) for m in Membership.objects.filter(account=cast.account)}
    assert held == {cast.owner: ("atmos", "admin"), cast.member: ("atmos", "user")}
    assert may(cast.owner, "view_billing", cast.branch)
    assert refused(switch, cast.owner) is Guard.TARGET


def test_nobody_reaches_another_account() -> None:
    cast: Cast = make_cast("atlas")
    for change in (
        RevokeParentRole(account_id=cast.account.pk, user_id=cast.outsider.pk),
        ChangeBranch(account_id=cast.account.pk, branch_id=cast.elsewhere.pk, name="Mine"),
        AddTeam(account_id=cast.account.pk, branch_id=cast.elsewhere.pk, slug="x", name="X"),
        CloseBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, records_to=cast.elsewhere.pk),
    ):
        assert refused(change, cast.owner) is Guard.TARGET


def _in_days(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)
