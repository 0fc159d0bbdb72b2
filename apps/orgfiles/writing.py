"""Creating an account from an organisation: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import DataError, IntegrityError, connection
from django.db.models import OuterRef, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from apps.access.models import Override
from apps.accounts.models import Account, Branch
from apps.accounts.preferences import Preferences
from apps.accounts.verbs import ACCOUNT_IMPORTED
from apps.audit.services import EntryValues, OperationInProgress, operation
from apps.crm.services.customisation import create_defaults
from apps.orgfiles import customfields
from apps.orgfiles.contents import BranchLine, Organisation, RoleLine, TeamLine
from apps.orgfiles.entries import Entries, create_pipelines
from apps.orgfiles.linechecks import LineChecker
from apps.orgfiles.linkchecks import check_links
from apps.orgfiles.people import users_of
from apps.orgfiles.pipelines import Statuses
from apps.orgfiles.problems import Problems
from apps.orgfiles.progress import Progress, Steps, silent
from apps.orgfiles.recording import RecordWriter
from apps.orgfiles.sharing import ShareTable
from apps.orgfiles.staging import create as create_stages
from apps.orgfiles.staging import drop, make_ready
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import Grant
from apps.teams.models import Membership, ParentMembership, Team, TeamMember

BATCH = 2_000


def create(organisation: Organisation, *, progress: Progress = silent) -> Account:
    """The account that the organisation describes, with everything in it. `progress` is called with the steps done.

    An import is the operator's act: the guards that bind people do not apply. It is recorded as one operation.

    Raises:
        Refused: the account's slug is taken, a known user differs, records or shares say what cannot be, or the
            database refuses what the file says. Nothing is written then.
    """
    problems = organisation.problems.anew()
    try:
        reason = f"Imported from {organisation.name or 'an organisation file'}"
        with operation(verb=ACCOUNT_IMPORTED, actor=None, reason=reason) as written:
            account = _Writer(organisation, problems, progress).write(written)
            # Deferred keys are asked now, so that a refusal is this function's and not the commit's.
            connection.check_constraints()
    except (IntegrityError, DataError) as error:
        problems.add((), f"the database rejects it: {_first_line(error)}.")
        raise problems.refusal() from error
    return account


class _Writer:
    """Writes one organisation; keeps the ids of what is there by the names that the file uses."""

    def __init__(self, organisation: Organisation, problems: Problems, progress: Progress) -> None:
        self.org = organisation
        self.problems = problems
        self.progress = progress
        self.now = timezone.now()

    def write(self, written: OperationInProgress) -> Account:
        self.account = self._account()
        self.users = users_of(self.org, self.problems)
        self.branches = self._branches()
        self.groups = self._teams()
        self.roles = self._roles()
        self._memberships()
        self._parent_roles()
        self._overrides()
        create_pipelines(self.account, self.org.pipelines)
        create_defaults(self.account)
        customfields.write(self.account, self.org.custom_fields)
        self._records_and_shares()
        written.add(self.account.pk, [self._summary()])
        return self.account

    def _account(self) -> Account:
        line = self.org.account
        if Account.objects.filter(slug=line.slug).exists():
            self.problems.add(("account", "slug"), f"an account {line.slug} already exists. Choose another slug.")
            self.problems.stop()
        features = None if line.features is None else list(line.features)
        account = Account.objects.create(
            slug=line.slug,
            name=line.name,
            scheme=line.scheme.key,
            currency=line.currency,
            status=line.status,
            features=features,
        )
        if line.preferences:
            Preferences.objects.create(account=account, **line.preferences)
        return account

    def _branches(self) -> dict[str, int]:
        made = Branch.objects.bulk_create(
            Branch(account=self.account, slug=line.slug, name=line.name, status=line.status)
            for line in self.org.branches
        )
        return {branch.slug: branch.pk for branch in made}

    def _teams(self) -> dict[tuple[str, str], int]:
        """The group of each team, by branch and slug. A group is named after its team, which is made after it."""
        lines = [(branch, team) for branch in self.org.branches for team in branch.teams]
        if not lines:
            return {}
        groups = Group.objects.bulk_create(
            Group(name=f"team:new:{self.branches[branch.slug]}:{team.slug}") for branch, team in lines
        )
        teams = Team.objects.bulk_create(
            Team(
                account=self.account,
                branch_id=self.branches[branch.slug],
                slug=team.slug,
                name=team.name,
                group=group,
            )
            for (branch, team), group in zip(lines, groups, strict=True)
        )
        number = Subquery(Team.objects.filter(group=OuterRef("pk")).values("pk")[:1])
        Group.objects.filter(pk__in=[group.pk for group in groups]).update(
            name=Concat(Value("team:"), Cast(number, TextField()))
        )
        self._team_members(lines, teams)
        return {(branch.slug, team.slug): group.pk for (branch, team), group in zip(lines, groups, strict=True)}

    def _team_members(self, lines: Iterable[tuple[BranchLine, TeamLine]], teams: Iterable[Team]) -> None:
        TeamMember.objects.bulk_create(
            (
                TeamMember(account=self.account, team=team, user_id=self.users[email])
                for (_, line), team in zip(lines, teams, strict=True)
                for email in line.members
            ),
            batch_size=BATCH,
        )

    def _roles(self) -> dict[str, int]:
        """The ids of the scheme's roles and of the account's own ones, by key."""
        key = self.org.account.scheme.key
        published = {role.key: role for role in Role.objects.published(key)}
        made = Role.objects.bulk_create(
            Role(
                scheme=key,
                key=line.key,
                name=line.name,
                description=published[line.based_on].description,
                kind=Role.Kind.BRANCH,
                rank=published[line.based_on].rank,
                account_id=self.account.pk,
                based_on=published[line.based_on],
            )
            for line in self.org.roles
        )
        RoleGrant.objects.bulk_create(
            (
                RoleGrant(role=role, permission=codename, scope=grant.scope, grantable=grant.grantable)
                for line, role in zip(self.org.roles, made, strict=True)
                for codename, grant in self._grants(line).items()
            ),
            batch_size=BATCH,
        )
        return {role.key: role.pk for role in (*published.values(), *made)}

    def _grants(self, line: RoleLine) -> dict[str, Grant]:
        """The copied role's grants with the line's own; what is never grantable there is not given here (section 1)."""
        grants = dict(self.org.account.scheme.roles[line.based_on].grants)
        for codename, scope in line.grants.items():
            if grants[codename].grantable:
                grants[codename] = Grant(scope, grantable=True)
        return grants

    def _memberships(self) -> None:
        Membership.objects.bulk_create(
            (
                Membership(
                    account=self.account,
                    branch_id=self.branches[line.branch],
                    user_id=self.users[line.user],
                    role_id=self.roles[line.role],
                    status=Membership.Status.ACTIVE if line.active else Membership.Status.REMOVED,
                    joined_at=self.now,
                    removed_at=None if line.active else self.now,
                )
                for line in self.org.members
            ),
            batch_size=BATCH,
        )

    def _parent_roles(self) -> None:
        ParentMembership.objects.bulk_create(
            (
                ParentMembership(account=self.account, user_id=self.users[line.user], role_id=self.roles[line.role])
                for line in self.org.parent_roles
            ),
            batch_size=BATCH,
        )

    def _overrides(self) -> None:
        Override.objects.bulk_create(
            (
                Override(
                    account=self.account,
                    branch_id=self.branches[line.branch],
                    user_id=self.users[line.user],
                    permission=line.permission,
                    scope=line.scope,
                    reason=line.reason,
                    expires_at=line.expires,
                )
                for line in self.org.overrides
            ),
            batch_size=BATCH,
        )

    def _records_and_shares(self) -> None:
        """All of them are staged and checked before the first one is written."""
        org = self.org
        steps = Steps(2 * len(org.records) + 2 * len(org.shares), self.progress)
        statuses = Statuses(org.pipelines)
        writer = RecordWriter(self.account, self.users, self.branches, Entries(self.account, statuses), self.now)
        checker = LineChecker(org, statuses)
        custom = customfields.CustomValues(org.custom_fields, self.problems)
        given = ShareTable()
        stages = [*(table.stage for table in writer.tables.values()), given.stage]
        create_stages(stages)
        for index, line in enumerate(org.records):
            before = self.problems.count
            record = custom.settled(index, line)
            self.problems.add_all(checker.record(index, record))
            writer.stage(index, record, sound=self.problems.count == before)
            steps.more(1)
        for index, share in enumerate(org.shares):
            self.problems.add_all(checker.share(index, share))
            given.add(index, share, self.users.get(share.user or ""), self.groups.get(share.team or ("", "")))
            steps.more(1)
        make_ready(stages)
        check_links(writer.tables, given, self.branches, self.problems)
        self.problems.stop()
        writer.write(steps)
        given.write(self.account, writer.tables, steps)
        drop(stages)

    def _summary(self) -> EntryValues:
        org = self.org
        counts = {
            section: len(getattr(org, section))
            for section in (
                "users",
                "branches",
                "members",
                "parent_roles",
                "roles",
                "overrides",
                "pipelines",
                "custom_fields",
                "records",
                "shares",
            )
        }
        return EntryValues(
            target_type="crm.import",
            target_id=self.account.pk,
            target_text=self.account.name,
            after={"slug": self.account.slug, "scheme": self.account.scheme, "counts": counts},
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
