"""Factories for everything that tests stand on, and the cast: an owner, a member and an outsider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from apps.access import shares
from apps.access.models import Override
from apps.access.operators import open_session
from apps.access.records import Record
from apps.accounts.models import Account, Branch, User
from apps.crm.models import (
    Activity,
    Company,
    Contact,
    CustomField,
    Lead,
    Opportunity,
    Task,
)
from apps.crm.services import customisation
from apps.roles.models import Role
from apps.roles.schemes import scheme
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, Team, TeamMember

PASSWORD = "correct horse battery staple"
PEOPLE = (
    "Ann Archer",
    "Ben Baker",
    "Cem Carter",
    "Dora Dyer",
    "Eve Eastman",
    "Finn Fisher",
    "Gus Glover",
    "Hal Hunter",
)

# Who the cast's member is: nobody special.
MEMBER_ROLES = {
    "amocrm": "employee",
    "atlas": "member",
    "atmos": "user",
    "onepagecrm": "user",
    "staff-ladder": "teammate",
}


class UserFactory(DjangoModelFactory):
    """An active user, who signs in with `PASSWORD`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: PEOPLE[n % len(PEOPLE)])
    email = factory.LazyAttributeSequence(lambda user, n: f"{user.name.split()[0].lower()}{n}@example.com")
    password = factory.django.Password(PASSWORD)


class OperatorFactory(UserFactory):
    """A platform operator in an open session, unless `session=False`."""

    is_superuser = True
    is_staff = True

    @factory.post_generation
    def session(user: User, create: bool, wanted: bool | None, **_: Any) -> None:
        """Open the session, for an hour from now."""
        if create and wanted is not False:
            open_session(user, reason="A customer asked for help")


class AccountFactory(DjangoModelFactory):
    """An account of the scheme with the lists that every account begins with."""

    class Meta:
        model = Account
        skip_postgeneration_save = True

    slug = factory.Sequence(lambda n: f"acme-{n}")
    name = factory.Sequence(lambda n: f"Acme {n}")
    scheme = "atlas"

    @factory.post_generation
    def lists(account: Account, create: bool, wanted: bool | None, **_: Any) -> None:
        """Statuses and sources, unless `lists=False`."""
        if create and wanted is not False:
            customisation.create_defaults(account)


class CustomFieldFactory(DjangoModelFactory):
    """A field that an account adds to its leads; `record_type` names another type."""

    class Meta:
        model = CustomField
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    record_type = "lead"
    key = factory.Sequence(lambda n: f"field_{n}")
    name = factory.Sequence(lambda n: f"Field {n}")


class BranchFactory(DjangoModelFactory):
    """An open branch."""

    class Meta:
        model = Branch
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    slug = factory.Sequence(lambda n: f"north-{n}")
    name = factory.Sequence(lambda n: f"North {n}")


class OwnRoleFactory(DjangoModelFactory):
    """An account's own role without grants; name its account and the published role that it copies."""

    class Meta:
        model = Role
        skip_postgeneration_save = True

    class Params:
        account = None

    account_id = factory.SelfAttribute("account.pk")
    scheme = factory.SelfAttribute("account.scheme")
    based_on = factory.LazyAttribute(lambda role: published(role.scheme, MEMBER_ROLES[role.scheme]))
    key = factory.Sequence(lambda n: f"own-{n}")
    name = factory.Sequence(lambda n: f"Own role {n}")
    kind = Role.Kind.BRANCH
    rank = 1


class MembershipFactory(DjangoModelFactory):
    """An active membership; `role` is a role, or the key of a published one."""

    class Meta:
        model = Membership
        skip_postgeneration_save = True

    branch = factory.SubFactory(BranchFactory)
    account = factory.SelfAttribute("branch.account")
    user = factory.SubFactory(UserFactory)
    role = factory.LazyAttribute(lambda member: published(member.account.scheme, MEMBER_ROLES[member.account.scheme]))
    removed_at = factory.LazyAttribute(
        lambda member: timezone.now() if getattr(member, "status", "") == Membership.Status.REMOVED else None
    )

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        if isinstance(kwargs["role"], str):
            kwargs["role"] = published(kwargs["account"].scheme, kwargs["role"])
        return kwargs


class ParentMembershipFactory(DjangoModelFactory):
    """A parent role; `role` is a role, or the key of a published one."""

    class Meta:
        model = ParentMembership
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
    role = "viewer"

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        if isinstance(kwargs["role"], str):
            kwargs["role"] = published(kwargs["account"].scheme, kwargs["role"])
        return kwargs


class TeamFactory(DjangoModelFactory):
    """A team; `members` are the users in it."""

    class Meta:
        model = Team
        skip_postgeneration_save = True

    branch = factory.SubFactory(BranchFactory)
    account = factory.SelfAttribute("branch.account")
    slug = factory.Sequence(lambda n: f"sales-{n}")
    name = factory.Sequence(lambda n: f"Sales {n}")

    @factory.post_generation
    def members(team: Team, create: bool, users: Iterable[User] | None, **_: Any) -> None:
        """Put the users into the team."""
        if create:
            TeamMember.objects.bulk_create(
                TeamMember(account=team.account, team=team, user=user) for user in users or ()
            )


class OverrideFactory(DjangoModelFactory):
    """An override without an end."""

    class Meta:
        model = Override
        skip_postgeneration_save = True

    branch = factory.SubFactory(BranchFactory)
    account = factory.SelfAttribute("branch.account")
    user = factory.SubFactory(UserFactory)
    permission = "view_lead"
    scope = Scope.ALL
    reason = "For now"


class RecordFactory(DjangoModelFactory):
    """What the records have in common; nobody made them and nobody is responsible, unless somebody is named."""

    class Meta:
        abstract = True
        skip_postgeneration_save = True

    branch = factory.SubFactory(BranchFactory)
    account = factory.SelfAttribute("branch.account")


class CompanyFactory(RecordFactory):
    """A company."""

    class Meta:
        model = Company

    name = factory.Sequence(lambda n: f"Initech {n}")


class ContactFactory(RecordFactory):
    """A contact."""

    class Meta:
        model = Contact

    name = factory.Sequence(lambda n: f"Peter Gibbons {n}")


class LeadFactory(RecordFactory):
    """A lead."""

    class Meta:
        model = Lead

    name = factory.Sequence(lambda n: f"New printers {n}")


class OpportunityFactory(RecordFactory):
    """An opportunity."""

    class Meta:
        model = Opportunity

    name = factory.Sequence(lambda n: f"Forty printers {n}")


class AboutFactory(RecordFactory):
    """A record that may be about another one, `about`; its branch is then that one's."""

    class Meta:
        abstract = True

    class Params:
        about = None

    branch = factory.Maybe("about", factory.SelfAttribute("about.branch"), factory.SubFactory(BranchFactory))

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        about = kwargs.pop("about", None)
        return kwargs if about is None else kwargs | {f"about_{about.record_type}": about}


class TaskFactory(AboutFactory):
    """An open task, about nothing unless `about` says so; `done=True` makes a completed one."""

    class Meta:
        model = Task

    name = factory.Sequence(lambda n: f"Call back {n}")
    done_at = factory.LazyAttribute(lambda task: timezone.now() if getattr(task, "done", False) else None)


class ActivityFactory(AboutFactory):
    """A note, about a new lead unless `about` says otherwise."""

    class Meta:
        model = Activity

    name = factory.Sequence(lambda n: f"Asked for a quote {n}")

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        kwargs = super()._adjust_kwargs(**kwargs)
        if not any(kwargs.get(name) for name in Activity.about_fields):
            kwargs["about_lead"] = LeadFactory(branch=kwargs["branch"])
        return kwargs


FACTORIES: dict[str, type[RecordFactory]] = {
    "company": CompanyFactory,
    "contact": ContactFactory,
    "lead": LeadFactory,
    "opportunity": OpportunityFactory,
    "task": TaskFactory,
    "activity": ActivityFactory,
}


def published(scheme_key: str, key: str) -> Role:
    """The published role of that key."""
    return Role.objects.get(scheme=scheme_key, key=key, account_id=None)


def share(record: Record, subject: User | Team, *verbs: str) -> None:
    """Give a user or a team the verbs (`view`, if none is named) on this very record."""
    tables = shares.tables(record.record_type)
    assert tables is not None, f"{record.record_type} records have no shares"
    table = tables[isinstance(subject, Team)]
    holder = {"group": subject.group} if isinstance(subject, Team) else {"user": subject}
    for verb in verbs or ("view",):
        table._default_manager.create(
            account=record.account,
            content_object=record,
            permission_id=shares.permission_id(f"{verb}_{record.record_type}"),
            reason="To help out",
            **holder,
        )


@dataclass(kw_only=True)
class Cast:
    """One account with an owner (its scheme's founder) and a member, and an outsider, who owns another account."""

    account: Account
    branch: Branch
    owner: User
    member: User
    outsider: User
    elsewhere: Branch
    _names: Iterator[str] = field(default_factory=lambda: cycle(PEOPLE[3:]))

    def branch_beside(self, name: str = "South") -> Branch:
        """Another branch of the account."""
        return BranchFactory(account=self.account, slug=name.lower(), name=name)

    def join(self, role: str | Role | None = None, *, branch: Branch | None = None, user: User | None = None) -> User:
        """A further member of the branch, by default in the role that the cast's member has."""
        user = user or UserFactory(name=next(self._names))
        MembershipFactory(branch=branch or self.branch, user=user, role=role or MEMBER_ROLES[self.account.scheme])
        return user

    def remove(self, user: User, branch: Branch | None = None) -> None:
        """Take the user's membership of the branch away; it stands on the Restore list then."""
        Membership.objects.filter(branch=branch or self.branch, user=user).update(
            status=Membership.Status.REMOVED, removed_at=timezone.now()
        )

    def team(self, *users: User, branch: Branch | None = None) -> Team:
        """A team of these users."""
        return TeamFactory(branch=branch or self.branch, members=users)

    def let(self, user: User, permission: str, scope: Scope = Scope.ALL, *, branch: Branch | None = None) -> None:
        """Set the user's scope for a permission by an override; `Scope.NONE` forbids it.

        An override counts only where the role lets it, so this fails where it would change nothing.
        """
        place = branch or self.branch
        role = Membership.objects.get(branch=place, user=user).role
        grant = scheme(role.scheme).roles[role.key].grants[permission]
        assert not role.locked, f"{role} takes no overrides"
        assert grant.grantable, f"{role} takes no override of {permission}"
        Override.objects.update_or_create(
            account=self.account,
            branch=place,
            user=user,
            permission=permission,
            defaults={"scope": scope, "reason": "For now", "expires_at": None},
        )


def make_cast(scheme_key: str = "atlas", *, member_role: str | None = None) -> Cast:
    """The cast in a new account of that scheme; the outsider's account follows the same scheme."""
    branch, owner = _founded(scheme_key, "acme", "Acme", "north", "Ann Archer")
    elsewhere, outsider = _founded(scheme_key, "hooli", "Hooli", "main", "Olga Outsider")
    member = UserFactory(name="Ben Baker", email="ben@acme.example")
    MembershipFactory(branch=branch, user=member, role=member_role or MEMBER_ROLES[scheme_key])
    return Cast(
        account=branch.account, branch=branch, owner=owner, member=member, outsider=outsider, elsewhere=elsewhere
    )


def _founded(scheme_key: str, slug: str, name: str, branch_slug: str, owner_name: str) -> tuple[Branch, User]:
    account = AccountFactory(slug=slug, name=name, scheme=scheme_key)
    branch = BranchFactory(account=account, slug=branch_slug, name=branch_slug.title())
    owner = UserFactory(name=owner_name, email=f"{owner_name.split()[0].lower()}@{slug}.example")
    founder = scheme(scheme_key).founder
    MembershipFactory(branch=branch, user=owner, role=founder["branch"])
    if "parent" in founder:
        ParentMembershipFactory(account=account, user=owner, role=founder["parent"])
    return branch, owner
