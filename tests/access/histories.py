"""Random histories: changes of every table that is hung on the log, in every way of writing, some of them taken back.

Every step is an operation of its own, so that the log gives it a time of its own. `times` of the database's clock lie
between the steps; Python's clock, which the records' history goes by, is the same machine's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from apps.access import records, shares
from apps.access.errors import MissingPermission
from apps.access.models import AccessRequest, OperatorSession, Override
from apps.access.policy import who_may
from apps.access.records import Record
from apps.access.targets import TargetName
from apps.accounts.models import Account, Branch, User
from apps.accounts.preferences import Preferences
from apps.audit.services import operation
from apps.crm.errors import CrmError
from apps.crm.models import CrmRecord, Task
from apps.crm.services import create_record, delete_record, update_record
from apps.roles import catalogue
from apps.roles.catalogue import Target
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember
from tests.audit.chains import VERB, sql
from tests.factories import (
    FACTORIES,
    AccountFactory,
    BranchFactory,
    OwnRoleFactory,
    TeamFactory,
    UserFactory,
)

SCHEMES = ("atlas", "amocrm", "onepagecrm", "staff-ladder", "atmos")
SCOPES = (Scope.NONE, Scope.CREATED, Scope.RESPONSIBLE | Scope.SHARED, Scope(15), Scope.ALL)
REFUSALS = (IntegrityError, CrmError, MissingPermission, ValidationError)
PERMISSIONS = sorted(permission.codename for permission in catalogue.permissions())


class TakenBack(Exception):
    """Ends a step that is not to stay."""


def clock() -> datetime:
    """The database's clock, which goes on within a transaction."""
    ((now,),) = sql("SELECT clock_timestamp()")
    found: datetime = now
    return found


class History:
    """Two accounts that share people, and what happens in them."""

    def __init__(self, seed: int, schemes: Sequence[str] = ()) -> None:
        self.rng = random.Random(seed)
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        self.users: list[User] = [UserFactory(name=f"Person {number}") for number in range(8)]
        with operation(verb=VERB, actor=None, reason="An operator"):
            self.users.append(UserFactory(name="Olive", is_superuser=True))
        self.accounts: list[Account] = []
        for scheme in schemes or self.rng.sample(SCHEMES, 2):
            with operation(verb=VERB, actor=None, reason="Founded"):
                self.accounts.append(AccountFactory(scheme=scheme))
            self._found(self.accounts[-1])
        self.taken = 0

    def step(self, change: Step | None = None) -> None:
        """One change, in a savepoint; one in six is rolled back, and so is what a rule or the database refuses."""
        change = change or self.rng.choice(CHANGES)
        try:
            with transaction.atomic(), operation(verb=VERB, actor=None, reason=change.__name__.strip("_")):
                change(self)
                if self.rng.random() < 1 / 6:
                    raise TakenBack
        except (TakenBack, *REFUSALS):
            return
        self.taken += 1

    def question(self) -> tuple[str, TargetName]:
        """A permission and the name of something that it may be asked of."""
        account = self._account()
        permission = catalogue.get(self.rng.choice(PERMISSIONS))
        if permission.target is Target.ACCOUNT:
            return permission.codename, TargetName(Target.ACCOUNT, account.slug)
        if permission.target is Target.BRANCH:
            return permission.codename, TargetName(Target.BRANCH, account.slug, self._branch(account).slug)
        codename, kind = permission.codename, self.rng.choice(permission.record_types or tuple(FACTORIES))
        if kind not in FACTORIES:
            kind = "contact"
            codename = f"{self.rng.choice(('view', 'change', 'delete'))}_contact"
        found = self._record(account, kind)
        return codename, TargetName(kind, account.slug, found.reference if found else f"{kind}-1")

    def pick(self, rows: models.QuerySet[Any]) -> Any:
        """One of the rows, or None."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return rows.model._default_manager.get(pk=self.rng.choice(keys)) if keys else None

    def user(self) -> User:
        """Anybody, as they are now."""
        return User.objects.get(pk=self.rng.choice(self.users).pk)

    def two(self) -> list[User]:
        """Two people, as they are now."""
        first, second = self.rng.sample(self.users, 2)
        return [User.objects.get(pk=first.pk), User.objects.get(pk=second.pk)]

    def _found(self, account: Account) -> None:
        for _ in range(2):
            with operation(verb=VERB, actor=None, reason="Opened"):
                branch = BranchFactory(account=account)
                for user in self.rng.sample(self.users, 5):
                    Membership.objects.create(
                        account=account, branch=branch, user=user, role=self.role(account, Role.Kind.BRANCH)
                    )
                TeamFactory(branch=branch, members=self.rng.sample(self.users, 3))
            for kind, factory in FACTORIES.items():
                about = {}
                if kind in ("task", "activity"):
                    about = {"about": self._record(account, self.rng.choice(("contact", "lead")), branch=branch)}
                factory(branch=branch, responsible=self.user(), created_by=self.user(), **about)

    def role(self, account: Account, kind: str) -> Any:
        return self.pick(Role.objects.usable_in(account.pk, account.scheme).filter(kind=kind))

    def _account(self) -> Account:
        return Account.objects.get(pk=self.rng.choice(self.accounts).pk)

    def _branch(self, account: Account) -> Branch:
        found: Branch = self.pick(account.branches.all())
        return found

    def _record(self, account: Account, kind: str, **where: Any) -> Any:
        return self.pick(records.model_of(kind)._default_manager.filter(account=account, **where))

    def _written(self, rows: models.QuerySet[Any], **changed: Any) -> None:
        """Change one or several of the rows: by the ORM's save, its update, bulk_update, or plain SQL."""
        chosen = [row for row in rows.order_by("pk") if self.rng.random() < 0.4][:4]
        if not chosen:
            return
        for row in chosen:
            for name, value in changed.items():
                setattr(row, name, value() if callable(value) else value)
        way = self.rng.randrange(4)
        if way == 0:
            for row in chosen:
                row.save()
        elif way == 1:
            rows.model._default_manager.bulk_update(chosen, list(changed))
        elif way == 2:
            values = {name: getattr(chosen[0], name) for name in changed}
            rows.model._default_manager.filter(pk__in=[row.pk for row in chosen]).update(**values)
        else:
            for row in chosen:
                fields = [row._meta.get_field(name) for name in changed]
                prepared = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
                columns = ", ".join(f"{field.column} = %s" for field in fields)
                sql(f"UPDATE {row._meta.db_table} SET {columns} WHERE id = %s", *prepared, row.pk)

    def _removed(self, rows: models.QuerySet[Any]) -> None:
        """Delete one row or several: by the ORM or by plain SQL."""
        chosen = [row for row in rows.order_by("pk") if self.rng.random() < 0.3][:3]
        if self.rng.random() < 0.5:
            rows.model._default_manager.filter(pk__in=[row.pk for row in chosen]).delete()
        else:
            sql(f"DELETE FROM {rows.model._meta.db_table} WHERE id = ANY(%s)", [row.pk for row in chosen])


Step = Callable[[History], None]


def _join(history: History) -> None:
    account = history._account()
    branch = history._branch(account)
    Membership.objects.bulk_create(
        Membership(account=account, branch=branch, user=user, role=history.role(account, Role.Kind.BRANCH))
        for user in history.two()
    )


def _change_roles(history: History) -> None:
    account = history._account()
    members = Membership.objects.filter(account=account)
    history._written(members, role=history.role(account, Role.Kind.BRANCH))


def _remove_or_restore(history: History) -> None:
    members = Membership.objects.filter(account=history._account())
    if history.rng.random() < 0.5:
        history._written(members, status="removed", removed_at=timezone.now())
    else:
        history._written(members, status="active", removed_at=None)


def _forget_members(history: History) -> None:
    history._removed(Membership.objects.filter(account=history._account()))


def _parent_roles(history: History) -> None:
    account = history._account()
    role = history.role(account, Role.Kind.PARENT)
    holders = ParentMembership.objects.filter(account=account)
    if role is None:
        return
    match history.rng.randrange(3):
        case 0:
            ParentMembership.objects.create(account=account, user=history.user(), role=role)
        case 1:
            history._written(holders, role=role)
        case _:
            history._removed(holders)


def _teams(history: History) -> None:
    account = history._account()
    teams = Team.objects.filter(account=account)
    match history.rng.randrange(4):
        case 0:
            TeamFactory(branch=history._branch(account), members=history.two())
        case 1:
            history._written(teams, name=f"Renamed {history.rng.random()}")
        case 2:
            history._removed(TeamMember.objects.filter(account=account))
        case _:
            team = history.pick(teams)
            TeamMember.objects.create(account=account, team=team, user=history.user())


def _drop_team(history: History) -> None:
    team = history.pick(Team.objects.filter(account=history._account()))
    if team is not None:
        team.delete()


def _override(history: History) -> None:
    account = history._account()
    member = history.pick(Membership.objects.filter(account=account))
    if member is None:
        return
    views = [f"{verb}_{kind}" for verb in ("view", "change", "delete") for kind in FACTORIES]
    ends = (timedelta(milliseconds=30), timedelta(seconds=-5), timedelta(days=1))
    end = timezone.now() + history.rng.choice(ends) if history.rng.random() < 0.6 else None
    Override.objects.update_or_create(
        branch_id=member.branch_id,
        user_id=member.user_id,
        permission=history.rng.choice((history.rng.choice(PERMISSIONS), *views)),
        defaults={
            "account": account,
            "scope": history.rng.choice(SCOPES),
            "reason": f"Because {history.rng.random()}",
            "author": history.user(),
            "expires_at": end,
        },
    )


def _overrides(history: History) -> None:
    rows = Override.objects.filter(account=history._account())
    if history.rng.random() < 0.5:
        history._written(rows, scope=history.rng.choice(SCOPES), expires_at=timezone.now() + timedelta(milliseconds=20))
    else:
        history._removed(rows)


def share_a_record(history: History) -> None:
    account = history._account()
    kind = history.rng.choice([name for name in FACTORIES if shares.tables(name)])
    record, team = history._record(account, kind), history.pick(Team.objects.filter(account=account))
    if record is None:
        return
    subject = {"group_id": team.group_id} if team and history.rng.random() < 0.5 else {"user_id": history.user().pk}
    verbs = history.rng.sample(("view", "change", "delete"), history.rng.randrange(1, 4))
    shares.grant_many(
        shares.NewShare(account.pk, kind, record.pk, verb, "To help", granted_by_id=history.user().pk, **subject)
        for verb in verbs
    )


def _shares(history: History) -> None:
    tables = [table for name in FACTORIES for table in shares.tables(name) or ()]
    rows = history.rng.choice(tables)._default_manager.filter(account=history._account())
    if history.rng.random() < 0.5:
        history._written(rows, reason="Another reason")
    else:
        history._removed(rows)


def _own_role(history: History) -> None:
    account = history._account()
    role = OwnRoleFactory(account=account, based_on=history.pick(Role.objects.published(account.scheme)))
    RoleGrant.objects.bulk_create(
        RoleGrant(role=role, permission=name, scope=history.rng.choice(SCOPES), grantable=history.rng.random() < 0.8)
        for name in PERMISSIONS
        if history.rng.random() < 0.5
    )


def _own_grants(history: History) -> None:
    grants = RoleGrant.objects.filter(role__account_id=history._account().pk)
    if history.rng.random() < 0.7:
        history._written(grants, scope=history.rng.choice(SCOPES))
    else:
        history._removed(grants)


def _drop_own_role(history: History) -> None:
    role = history.pick(Role.objects.filter(account_id=history._account().pk, memberships=None))
    if role is not None:
        role.delete()


def _state_of_accounts(history: History) -> None:
    account = history._account()
    match history.rng.randrange(4):
        case 0:
            account.status = history.rng.choice(Account.Status.values)
        case 1:
            account.features = history.rng.choice((None, [], ["talks"]))
        case _:
            account.status = Account.Status.ACTIVE
    account.save()


def _preferences(history: History) -> None:
    account = history._account()
    Preferences.objects.get_or_create(account=account)
    match history.rng.randrange(4):
        case 0:
            history._removed(Preferences.objects.filter(account=account))
        case 1:
            history._written(Preferences.objects.filter(account=account), time_zone="Asia/Tokyo", task_due_days=None)
        case _:
            due = time(history.rng.randrange(24), 30)
            history._written(Preferences.objects.filter(account=account), task_due_time=due, task_due_days=3)


def _branches(history: History) -> None:
    account = history._account()
    match history.rng.randrange(3):
        case 0:
            BranchFactory(account=account)
        case 1:
            history._written(account.branches.all(), status=history.rng.choice(Branch.Status.values))
        case _:
            history._written(account.branches.all(), name=f"Place {history.rng.random()}", status="active")


def _people(history: History) -> None:
    keys = [user.pk for user in history.users]
    match history.rng.randrange(4):
        case 0:
            history._written(User.objects.filter(pk__in=keys), is_active=history.rng.random() < 0.5)
        case 1:
            history._written(User.objects.filter(pk__in=keys), name=f"Name {history.rng.random()}")
        case 2:
            history._written(User.objects.filter(pk__in=keys), is_superuser=history.rng.random() < 0.3)
        case _:
            User.objects.create(email=f"{history.rng.random()}@x.example", name="New", is_superuser=True)


def _operators(history: History) -> None:
    now = timezone.now()
    if history.rng.random() < 0.5:
        OperatorSession.objects.create(
            user=history.user(), reason="A look", opened_at=now, expires_at=now + timedelta(minutes=30)
        )
    else:
        history._written(OperatorSession.objects.all(), ended_at=now)


def _invitations(history: History) -> None:
    account = history._account()
    pending = Invitation.objects.filter(account=account, status="pending")
    if history.rng.random() < 0.5:
        Invitation.objects.create(
            account=account,
            branch=history.rng.choice((None, history._branch(account))),
            role=history.role(account, Role.Kind.BRANCH),
            email=f"{history.rng.random()}@x.example",
            token_digest=str(history.rng.random()),
            expires_at=timezone.now() + timedelta(days=7),
        )
    elif history.rng.random() < 0.5:
        history._written(pending, status="cancelled", ended_at=timezone.now())
    else:
        history._written(pending, token_digest=lambda: str(history.rng.random()))


def _requests(history: History) -> None:
    account = history._account()
    if history.rng.random() < 0.5:
        AccessRequest.objects.create(
            account=account,
            branch=history._branch(account),
            user=history.user(),
            permission="view_lead",
            message="Please",
        )
    else:
        history._written(
            AccessRequest.objects.filter(account=account, status="open"),
            status="declined",
            decided_at=timezone.now(),
            decided_by=history.user(),
        )


def _change_record(history: History) -> None:
    """As somebody who may: another responsible, another branch, about something else, private or not."""
    found = _some_record(history, "change")
    if found is None:
        return
    record, actor = found
    account = record.account
    changes: dict[str, Any] = history.rng.choice(
        (
            {"responsible": history.rng.choice((None, history.user(), history.user()))},
            {"branch": history._branch(account)},
            {"name": f"Name {history.rng.random()}"},
            {"private": history.rng.random() < 0.7, "responsible": actor},
        )
    )
    if isinstance(record, Task) and history.rng.random() < 0.5:
        kind = history.rng.choice(("contact", "lead"))
        changes = {f"about_{kind}": history._record(account, kind, branch=record.branch_id)}
    if "private" in changes and record.record_type != "contact":
        del changes["private"]
    update_record(record, actor=actor, changes=changes)


def _create_record(history: History) -> None:
    actor, branch = history.user(), history._branch(history._account())
    kind = history.rng.choice([name for name in FACTORIES if name != "activity"])
    model: Any = records.model_of(kind)
    create_record(model(name="New", branch=branch, responsible=actor), actor=actor, accept_doubles=True)


def _delete_record(history: History) -> None:
    found = _some_record(history, "delete")
    if found is not None:
        delete_record(found[0], actor=found[1])


def _some_record(history: History, verb: str) -> tuple[CrmRecord, User] | None:
    kind = history.rng.choice(list(FACTORIES))
    record: Record | None = history._record(history._account(), kind)
    people = [] if record is None else who_may(f"{verb}_{kind}", record)
    return (record, history.rng.choice(people)) if isinstance(record, CrmRecord) and people else None


CHANGES: tuple[Step, ...] = (
    _join,
    _change_roles,
    _change_roles,
    _remove_or_restore,
    _forget_members,
    _parent_roles,
    _teams,
    _drop_team,
    _override,
    _override,
    _override,
    _overrides,
    share_a_record,
    share_a_record,
    _shares,
    _own_role,
    _own_grants,
    _drop_own_role,
    _state_of_accounts,
    _preferences,
    _branches,
    _people,
    _operators,
    _invitations,
    _requests,
    _change_record,
    _change_record,
    _change_record,
    _create_record,
    _delete_record,
)
