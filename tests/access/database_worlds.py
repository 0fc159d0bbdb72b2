"""Worlds of the reference, written into the database, and the engine asked about them there."""

import copy
import random
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from apps.access import records, shares
from apps.access.explain import explain
from apps.access.lists import capped_count, page
from apps.access.mandate_cache import bind_account, forget_kept, mandate_for
from apps.access.models import OperatorSession, Override
from apps.access.policy import may, who_may
from apps.access.querysets import visible_to
from apps.access.records import Record
from apps.accounts.models import Account, Branch, User
from apps.orgfiles.organisation import create, parse
from apps.roles import catalogue
from apps.roles.scopes import Scope
from apps.teams.models import Team
from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference import worlds
from tests.reference.compiled import Reference
from tests.reference.world import Organisation, Row, World, record_types

TYPES = ("lead", "contact", "company", "opportunity", "task", "activity")
RECORD_PERMISSIONS = sorted(
    name for name, row in CATALOGUE.items() if row.target == "record" and record_types(name) & set(TYPES)
)


class DatabaseWorld:
    """A random world in both readings: the reference's, and the engine's over real tables."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        slugs = ("acme", "globex") if self.rng.random() < 0.4 else ("acme",)
        self.organisations = worlds.random_world(self.rng, slugs=slugs, beyond_files=self.rng.random() < 0.5)
        self.reference = Reference(World(self.organisations, worlds.NOW))
        forget_kept()
        for organisation in self.organisations:
            _write(organisation)
        _state_what_no_file_states(self.organisations)
        self.accounts = {account.slug: account for account in Account.objects.all()}
        self.users = {user.email: user for user in User.objects.all()}
        self._targets: dict[str, Account | Branch | Record] = {}

    def target(self, target: str) -> Account | Branch | Record:
        """The row behind a target, read once."""
        if target not in self._targets:
            self._targets[target] = self._read(target)
        return self._targets[target]

    def user(self, email: str, slug: str) -> User:
        """The user, as often as not bound to the account as a request's user is."""
        user = copy.copy(self.users[email])
        if self.rng.random() < 0.8:
            bind_account(user, self.accounts[slug])
        return user

    def _read(self, target: str) -> Account | Branch | Record:
        kind, _, place = target.partition(":")
        slug, _, name = place.partition("/")
        if kind == "account":
            return Account.objects.get(slug=slug)
        if kind == "branch":
            return Branch.objects.get(account__slug=slug, slug=name)
        found: Record = records.model_of(kind)._default_manager.get(account__slug=slug, reference=name)
        return found

    def disagreements(self, *, lists: int, decisions: int, inverses: int) -> Iterator[str]:
        """Where the engine differs from the reference, or from itself, among as many questions of each kind."""
        emails = self.rng.sample(sorted(self.users), k=min(3, len(self.users)))
        everything = [asked for asked in worlds.questions(self.organisations) if asked[0] in emails]
        for _ in range(lists):
            yield from self._list(self.rng.choice(emails), self.rng.choice(RECORD_PERMISSIONS))
        for user, permission, target in self.rng.choices(everything, k=decisions):
            yield from self._decision(user, permission, target)
        for _, permission, target in self.rng.choices(everything, k=inverses):
            expected = self.reference.who_may(permission, target)
            found = sorted(user.email for user in who_may(permission, self.target(target)))
            if found != expected:
                yield f"who may {permission} on {target}? {found}, not {expected}"

    def _decision(self, email: str, permission: str, target: str) -> Iterator[str]:
        expected = self.reference.may(email, permission, target)
        thing = self.target(target)
        user = self.user(email, target.partition(":")[2].partition("/")[0])
        if may(user, permission, thing) is not expected:
            yield f"may {email} {permission} on {target}? not {expected}"
        if self.rng.random() < 0.25:
            full_name = catalogue.get(permission).full_name
            if user.has_perm(full_name, thing) is not expected:
                yield f"has_perm({email}, {full_name}, {target}) is not {expected}"
        if self.rng.random() < 0.2:
            explanation = explain(user, permission, thing)
            if explanation.allowed is not expected:
                yield f"explain {email} {permission} {target} ends in {not expected}: {explanation.reasons}"
            if not explanation.reasons:
                yield f"explain {email} {permission} {target} gives no reason"

    def _list(self, email: str, permission: str) -> Iterator[str]:
        slug = self.rng.choice(list(self.accounts))
        user, account = self.user(email, slug), self.accounts[slug]
        kind = self.rng.choice(sorted(record_types(permission) & set(TYPES)))
        expected = {
            row["ref"]
            for row in self._organisation(slug).get("records", ())
            if row["type"] == kind and self.reference.may(email, permission, f"{kind}:{slug}/{row['ref']}")
        }
        visible = visible_to(user, permission, account=account, record_type=kind)
        if (found := set(visible.values_list("reference", flat=True))) != expected:
            yield f"{email} {permission} {kind} in {slug}: {sorted(found)}, not {sorted(expected)}"
        mandate = mandate_for(user, account.pk)
        newest = [record.pk for record in page(mandate, permission, record_type=kind, size=5)]
        if newest != list(visible.order_by("-created_at", "-id").values_list("pk", flat=True)[:5]):
            yield f"the first page of {permission} {kind} for {email} is not the newest of what is visible"
        if (count := capped_count(mandate, permission, record_type=kind)) != len(expected):
            yield f"{email} {permission} {kind} in {slug}: counted {count}, not {len(expected)}"

    def _organisation(self, slug: str) -> Organisation:
        return next(o for o in self.organisations if o["account"]["slug"] == slug)


def _write(organisation: Organisation) -> Account:
    """The part of it that a file may state, through the importer; the rest by hand."""
    file = copy.deepcopy(organisation)
    late_overrides, late_shares = [], []
    for row in list(file.get("overrides", ())):
        if _is_on_a_locked_role(organisation, row):
            file["overrides"].remove(row)
            late_overrides.append(row)
    branch_of = {f"{row['type']}/{row['ref']}": row["branch"] for row in file.get("records", ())}
    for row in list(file.get("shares", ())):
        if "team" in row and row["team"].partition("/")[0] != branch_of[row["record"]]:
            file["shares"].remove(row)
            late_shares.append(row)
    for key in ("status", "features"):
        file["account"].pop(key, None)
    for branch in file.get("branches", ()):
        branch.pop("status", None)
    for user in file.get("users", ()):
        user.pop("superuser", None)
    account = create(parse(file))
    for row in late_overrides:
        _override(account, row)
    for row in late_shares:
        _share(account, row)
    return account


def _is_on_a_locked_role(organisation: Organisation, row: Row) -> bool:
    published = tables.roles(organisation["account"]["scheme"])
    return any(
        member["user"] == row["user"]
        and member["branch"] == row["branch"]
        and member["role"] in published
        and published[member["role"]].locked
        for member in organisation.get("members", ())
    )


def _override(account: Account, row: Row) -> None:
    Override.objects.create(
        account=account,
        branch=Branch.objects.get(account=account, slug=row["branch"]),
        user=User.objects.get(email=row["user"]),
        permission=row["permission"].rpartition(".")[2],
        scope=Scope.parse(row["scope"]),
        reason=row["reason"],
        expires_at=row.get("expires"),
    )


def _share(account: Account, row: Row) -> None:
    kind, _, reference = row["record"].partition("/")
    branch, _, slug = row["team"].partition("/")
    record = records.model_of(kind)._default_manager.get(account=account, reference=reference)
    team = Team.objects.get(account=account, branch__slug=branch, slug=slug)
    found = shares.tables(kind)
    assert found is not None
    for verb in row["permissions"]:
        found[1]._default_manager.create(
            account=account,
            content_object=record,
            group=team.group,
            permission_id=shares.permission_id(f"{verb}_{kind}"),
            reason=row["reason"],
        )


def _state_what_no_file_states(organisations: list[Organisation]) -> None:
    for organisation in organisations:
        account = Account.objects.get(slug=organisation["account"]["slug"])
        for key in ("status", "features"):
            if key in organisation["account"]:
                setattr(account, key, organisation["account"][key])
        account.save(update_fields=["status", "features"])
        for branch in organisation.get("branches", ()):
            Branch.objects.filter(account=account, slug=branch["slug"]).update(status=branch.get("status", "active"))
    operators = {row["email"] for each in organisations for row in each.get("users", ()) if row.get("superuser")}
    # To be a superuser makes no difference where no session is open.
    User.objects.filter(Q(email__in=operators) | Q(email__regex="^[a-d]")).update(is_superuser=True)
    now = timezone.now()
    OperatorSession.objects.bulk_create(
        OperatorSession(user=user, reason="A customer asked", opened_at=now, expires_at=now + timedelta(hours=1))
        for user in User.objects.filter(email__in=operators)
    )
