"""The smallest changes that would turn a "no" into a "yes", and who can make them.

Each candidate is tried: the facts are changed as the change would change them, compiled, and decided again. The order
is from the smallest to the largest: a share of this record, overrides, another role, a membership, a parent role. First
of all comes what a superuser can do alone: open an operator session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from django.db import models
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.errors import PAYING
from apps.access.facts import Facts, MembershipFacts, OverrideFacts, RoleFacts, role_facts
from apps.access.mandate import Mandate, Reason, Shares
from apps.access.policy import People, decide, share_reader
from apps.access.records import Record, RecordLike
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission
from apps.roles.models import Role
from apps.roles.scopes import IF_CREATOR, IF_RESPONSIBLE, IN_GROUP, PERMITTED, Scope

NAMED = 5


@dataclass(frozen=True, slots=True)
class Fix:
    """One sufficient change, and the people who can make it.

    `branch`, `role` (its id), `subject` (the record to share) and `gives` are the parts of the change.
    """

    kind: str
    sentence: str
    who: list[User]
    branch: Branch | None = None
    role: int | None = None
    subject: Record | None = None
    gives: Mapping[str, Scope] = field(default_factory=dict)

    @property
    def with_people(self) -> str:
        """Return the change and who can make it, as sentences."""
        if not self.who:
            return f"{self.sentence} {_('No member of the account can do that now.')}"
        names = [str(user) for user in self.who[:NAMED]]
        more = len(self.who) - len(names)
        if more:
            names.append(ngettext("%(number)s other", "%(number)s others", more) % {"number": more})
        return f"{self.sentence} " + _("%(people)s can do that.") % {"people": get_text_list(names, _("or"))}


def smallest_fixes(
    user: User, mandate: Mandate, permission: Permission, obj: models.Model, people: People | None = None
) -> list[Fix]:
    """Return the smallest sufficient change of each kind, smallest kind first; empty if no change of access helps."""
    search = _Search(user, mandate, permission, obj, people or People(mandate.facts.account))
    return list(search.found())


def responsible_would_help(mandate: Mandate, permission: Permission, record: Record) -> bool:
    """Return whether the answer would be yes if the user, a member of the record's branch, owned the record."""
    if _member_of(mandate, record) is None or record.private:
        return False
    theirs = copy(record)
    theirs.responsible_id = mandate.user_id
    return decide(mandate, permission, theirs)


def team_would_help(mandate: Mandate, permission: Permission, record: Record) -> bool:
    """Return whether the answer would be yes if the user were in a team with the record's owner."""
    membership = _member_of(mandate, record)
    if membership is None or record.responsible_id is None or record.private:
        return False
    joined = replace(membership, mates=membership.mates | {record.responsible_id})
    memberships = {**mandate.facts.memberships, record.branch_id: joined}
    return decide(Mandate(replace(mandate.facts, memberships=memberships), mandate.now), permission, record)


def _member_of(mandate: Mandate, record: Record) -> MembershipFacts | None:
    return next((membership for branch_id, membership, _ in mandate.branches() if branch_id == record.branch_id), None)


def session_would_help(user: User, mandate: Mandate, permission: Permission, obj: models.Model) -> bool:
    """Return whether the user is a superuser who could do it in an operator session."""
    if not user.is_superuser or mandate.operator:
        return False
    return decide(Mandate(replace(mandate.facts, operator=True), mandate.now), permission, obj)


class _Search:
    def __init__(self, user: User, mandate: Mandate, permission: Permission, obj: models.Model, people: People) -> None:
        self.user = user
        self.mandate = mandate
        self.facts = mandate.facts
        self.people = people
        self.permission = permission
        self.obj = obj
        self.shares = share_reader(mandate)
        self.branch = self._branch()

    def found(self) -> Iterator[Fix]:
        session = self._session()
        if session is not None:
            yield session
        state = self._state()
        if state is not None:
            yield state
            return
        if isinstance(self.obj, Record) and self.mandate.is_private_to_another(self.obj):
            return
        for kind in (self._share, self._overrides, self._role, self._membership, self._parent_role):
            fix = kind()
            if fix is not None:
                yield fix

    def _session(self) -> Fix | None:
        """Suggest an operator session to a superuser."""
        if not session_would_help(self.user, self.mandate, self.permission, self.obj):
            return None
        sentence = _("Open an operator session with a reason, for up to one hour.")
        return Fix("operator_session", sentence, [self.user])

    def _state(self) -> Fix | None:
        """Return what no change of access can fix: a closed account, the plan, a deactivated user."""
        steps = self.mandate.effective(self.branch.pk if self.branch else 0, self.permission.codename).steps
        because = steps[0].because if steps else None
        if because is Reason.ACCOUNT_CLOSED:
            return Fix("account", _("Ask a platform operator to reopen the account."), [])
        if because is Reason.PLAN:
            account = Account.objects.get(pk=self.mandate.account_id)
            return Fix(
                "plan", _("Choose a plan that includes the feature."), self._people("manage_subscription", account)
            )
        if because is Reason.READ_ONLY:
            account = Account.objects.get(pk=self.mandate.account_id)
            return Fix("payment", str(PAYING), self._people("manage_subscription", account))
        if because is Reason.INACTIVE:
            return Fix(
                "user",
                _("Ask a platform operator to activate %(user)s again.") % {"user": self.user},
                [],
            )
        return None

    def _share(self) -> Fix | None:
        record = self.obj
        if not isinstance(record, Record) or record.private or self._membership_facts() is None:
            return None
        subject = record
        if catalogue.record_type(record.record_type).follows_about and record.about is not None:
            subject = record.about
        asked = self.permission.codename if subject is record else f"view_{subject.record_type}"
        clauses = self.mandate.clauses(subject.branch_id, asked, subject.record_type) or ()
        missing = [c.share for c in clauses if c.share and not self.mandate.within(c, subject, self.shares)]
        if not missing or not self._passes(self.facts, self._sharing(subject, frozenset(missing))):
            return None
        verbs = ", ".join(codename.partition("_")[0] for codename in dict.fromkeys(missing))
        gives = dict.fromkeys(missing, Scope.SHARED)
        return Fix(
            "share",
            _("Share %(subject)s with %(user)s (%(verbs)s).")
            % {"subject": subject.reference, "user": self.user, "verbs": verbs},
            self._people("grant_record_access", subject, gives),
            subject=subject,
            gives=gives,
        )

    def _overrides(self) -> Fix | None:
        membership = self._membership_facts()
        if membership is None or membership.role.locked:
            return None
        overrides: dict[str, OverrideFacts] = {}
        for codename in self._needed():
            if not membership.role.grant(codename).grantable:
                continue
            for scope in self._scopes(codename):
                tried = OverrideFacts(codename, scope, "", "", None)
                if self._satisfied(codename, self._with_overrides(membership, {**overrides, codename: tried})):
                    if not self._satisfied(codename, self._with_overrides(membership, overrides)):
                        overrides[codename] = tried
                    break
        if not overrides or not self._passes(self._with_overrides(membership, overrides)):
            return None
        each = [
            _("“%(permission)s” to %(scope)s")
            % {"permission": catalogue.get(codename).label, "scope": override.scope.label}
            for codename, override in overrides.items()
        ]
        gives = {codename: override.scope for codename, override in overrides.items()}
        return Fix(
            "override",
            _("Set an override for %(user)s on %(branch)s: %(scopes)s.")
            % {"user": self.user, "branch": self.branch, "scopes": get_text_list(each, _("and"))},
            self._people("manage_member_permissions", self.branch, gives),
            self.branch,
            gives=gives,
        )

    def _role(self) -> Fix | None:
        membership = self._membership_facts()
        if membership is None or membership.role.locked:
            return None
        for role in self._branch_roles():
            rises = role.rank > membership.role.rank
            if role.id == membership.role.id or (self.facts.account.scheme.up_only and not rises):
                continue
            if self._passes(self._with_membership(replace(membership, role=role))):
                sentence = _("Make %(user)s %(role)s on %(branch)s.") % {
                    "user": self.user,
                    "role": role.name,
                    "branch": self.branch,
                }
                return Fix(
                    "role", sentence, self._people("change_roles", self.branch, _gives(role)), self.branch, role.id
                )
        return None

    def _membership(self) -> Fix | None:
        if self.branch is None or self._membership_facts() is not None:
            return None
        removed = self.facts.memberships.get(self.branch.pk)
        if removed is not None:
            if self.branch.pk in self.facts.account.open_branches and self._passes(
                self._with_membership(replace(removed, active=True))
            ):
                return Fix(
                    "restore",
                    _("Restore %(user)s on %(branch)s.") % {"user": self.user, "branch": self.branch},
                    self._people("remove_members", self.branch, _gives(removed.role)),
                    self.branch,
                )
            return None
        for role in self._branch_roles():
            if self._passes(self._with_membership(MembershipFacts(self.branch.pk, role, active=True))):
                return Fix(
                    "membership",
                    _("Add %(user)s to %(branch)s as %(role)s.")
                    % {"user": self.user, "branch": self.branch, "role": role.name},
                    self._people("invite_members", self.branch, _gives(role)),
                    self.branch,
                    role.id,
                )
        return None

    def _parent_role(self) -> Fix | None:
        account = Account.objects.get(pk=self.mandate.account_id)
        for role in self._roles("parent"):
            if self.facts.parent is not None and role.id == self.facts.parent.id:
                continue
            if self._passes(replace(self.facts, parent=role)):
                right = "grant_parent_roles" if self.facts.parent is None else "change_parent_roles"
                sentence = _("Give %(user)s the parent role %(role)s, which covers every branch.") % {
                    "user": self.user,
                    "role": role.name,
                }
                return Fix("parent_role", sentence, self._people(right, account, _gives(role)), role=role.id)
        return None

    def _branch(self) -> Branch | None:
        """Return the branch of the change; for an account, the member's first branch."""
        if isinstance(self.obj, Branch):
            return self.obj
        if isinstance(self.obj, Record):
            return self.obj.branch
        first = [branch for branch, _membership, _profile in self.mandate.branches()][:1]
        return Branch.objects.filter(pk__in=first).first()

    def _membership_facts(self) -> MembershipFacts | None:
        return next(
            (m for branch, m, _profile in self.mandate.branches() if self.branch and branch == self.branch.pk), None
        )

    def _needed(self) -> list[str]:
        """Return every permission that the decision needs, prerequisites and the related record included."""
        scheme = self.facts.account.scheme
        if not isinstance(self.obj, Record):
            return list(scheme.closure(self.permission.codename))
        needed = list(scheme.closure(self.permission.codename, self.obj.record_type))
        if catalogue.record_type(self.obj.record_type).follows_about and self.obj.about is not None:
            needed += [f"view_{self.obj.about.record_type}"]
        return needed

    def _satisfied(self, codename: str, facts: Facts) -> bool:
        """Return whether this one condition of the decision is met, regardless of the others."""
        mandate = Mandate(facts, self.mandate.now)
        if not isinstance(self.obj, Record):
            return bool(self.branch and mandate.effective(self.branch.pk, codename).scope)
        subject: Record = self.obj
        if codename not in self.facts.account.scheme.closure(self.permission.codename, subject.record_type):
            subject = subject.about or subject
        clause = mandate.clause(subject.branch_id, codename, subject.record_type)
        return clause is not None and bool(mandate.within(clause, subject, self.shares))

    def _scopes(self, codename: str) -> list[Scope]:
        if catalogue.get(codename).target is not catalogue.Target.RECORD:
            return [PERMITTED]
        scope_now = self.mandate.effective(self.branch.pk, codename).scope if self.branch else Scope.NONE
        return [scope_now | scope for scope in (IF_CREATOR, IF_RESPONSIBLE, IN_GROUP)] + [PERMITTED]

    def _passes(self, facts: Facts, shares: Shares | None = None) -> bool:
        return decide(Mandate(facts, self.mandate.now), self.permission, self.obj, shares or self.shares)

    def _sharing(self, subject: Record, codenames: frozenset[str]) -> Shares:
        def read(record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
            given = self.shares(record, groups)
            return given | codenames if (record.record_type, record.pk) == (subject.record_type, subject.pk) else given

        return read

    def _with_overrides(self, membership: MembershipFacts, overrides: Mapping[str, OverrideFacts]) -> Facts:
        return self._with_membership(replace(membership, overrides={**membership.overrides, **overrides}))

    def _with_membership(self, membership: MembershipFacts) -> Facts:
        return replace(self.facts, memberships={**self.facts.memberships, membership.branch_id: membership})

    def _branch_roles(self) -> list[RoleFacts]:
        return self._roles("branch")

    def _roles(self, kind: str) -> list[RoleFacts]:
        """Return the roles that can be given, lowest first; a single role only moves by a transfer."""
        roles = Role.objects.usable_in(self.mandate.account_id, self.facts.account.scheme.key)
        return role_facts(roles.filter(kind=kind, single=False).order_by("rank", "pk"))

    def _people(self, codename: str, obj: models.Model | None, gives: Mapping[str, Scope] | None = None) -> list[User]:
        """Return who can make the change: they have the permission, grant no more than they have, aren't the user."""
        if obj is None:
            return []
        branch_id = self.branch.pk if self.branch else 0
        own = self.user.pk
        return self.people.who_may(
            codename, obj, lambda mandate: mandate.user_id != own and _covers(mandate, branch_id, gives or {})
        )


def _covers(mandate: Mandate, branch_id: int, gives: Mapping[str, Scope]) -> bool:
    """Return whether the Mandate's scopes contain what would be given (access model, section 6: no escalation)."""
    return all(mandate.effective(branch_id, codename).scope.covers(scope) for codename, scope in gives.items())


def _gives(role: RoleFacts) -> dict[str, Scope]:
    if role.supreme:
        return {permission.codename: Scope.ALL for permission in catalogue.permissions()}
    return {codename: grant.scope for codename, grant in role.grants.items() if grant.scope}
