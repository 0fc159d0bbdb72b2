"""Names on the command line: a user by email address, an account by slug, and the target of a permission.

A target is `account:SLUG`, `branch:ACCOUNT/BRANCH`, or `TYPE:ACCOUNT/REF` (`lead:acme/L-17`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from apps.access import records
from apps.access.records import Record
from apps.accounts.models import Account, Branch, User, users_by_email
from apps.roles import catalogue
from apps.roles.catalogue import Target

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class UnknownTarget(LookupError):
    """The named target doesn't exist; the message is a sentence with its name."""


class MalformedTarget(ValueError):
    """The text is not a target."""


@dataclass(frozen=True, slots=True)
class TargetName:
    """The name of a target: `kind` is account, branch or a record type, `key` a branch's slug or a reference."""

    kind: str
    account: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.account}/{self.key}" if self.key else f"{self.kind}:{self.account}"

    @property
    def unknown(self) -> UnknownTarget:
        """Return the error for a target that doesn't exist."""
        if self.kind == Target.ACCOUNT:
            return no_account(self.account)
        types = [record_type.name for record_type in catalogue.record_types()]
        if self.kind != Target.BRANCH and self.kind not in types:
            return UnknownTarget(f'There is no record type "{self.kind}". Choose from {", ".join(types)}.')
        return UnknownTarget(f'There is no {self.kind} "{self.key}" in the account "{self.account}".')


def parse_target(text: str) -> TargetName:
    """Return the name in the text. A reference is any text, so it may contain slashes and colons.

    Raises:
        MalformedTarget: the text is not a target.
    """
    kind, _, rest = text.partition(":")
    account, slash, key = rest.partition("/")
    whole = bool(account) and (not slash if kind == Target.ACCOUNT else bool(key))
    if not kind or not whole:
        raise MalformedTarget(
            f'"{text}" is not a valid target. Write account:SLUG, branch:ACCOUNT/BRANCH or TYPE:ACCOUNT/REF.'
        )
    return TargetName(kind, account, key)


def find_target(name: TargetName) -> Account | Branch | Record:
    """Return the target with that name.

    Raises:
        UnknownTarget: it doesn't exist.
    """
    return find_targets([name]).get(name) or _raise(name)


def find_targets(names: Iterable[TargetName]) -> Mapping[TargetName, Account | Branch | Record]:
    """Return the existing targets among these names, read in a few queries.

    Records come with all that they are about, since their rules need it.
    """
    wanted = {name for name in names if _can_be_stored(name.account + name.key)}
    targets: dict[TargetName, Account | Branch | Record] = {}
    accounts = {account.slug: account for account in Account.objects.filter(slug__in={name.account for name in wanted})}
    for kind in sorted({name.kind for name in wanted}):
        mine = [name for name in wanted if name.kind == kind and name.account in accounts]
        if kind == Target.ACCOUNT:
            targets.update((name, accounts[name.account]) for name in mine)
        elif kind == Target.BRANCH:
            targets.update(_keyed(kind, Branch.objects.all(), "slug", mine, accounts))
        elif kind in records.registered():
            targets.update(_keyed(kind, with_about(kind), "reference", mine, accounts))
    return targets


def with_about(record_type: str) -> models.QuerySet[Any]:
    """Return the records of a type with all that they are about, transitively, in the same query."""
    paths = list(_about_paths(record_type))
    everything: models.QuerySet[Any] = records.model_of(record_type)._default_manager.all()
    return everything.select_related(*paths) if paths else everything


def find_user(email: str) -> User:
    """Return the user with that email address, ignoring case.

    Raises:
        UnknownTarget: there is none.
    """
    user = find_users([email]).get(email)
    if user is None:
        raise no_user(email)
    return user


def find_users(emails: Iterable[str]) -> Mapping[str, User]:
    """Return the existing users among these, read in one query, by the given email address."""
    wanted = {email: User.objects.normalize_email(email) for email in emails if _can_be_stored(email)}
    known = users_by_email(wanted.values())
    return {given: known[email] for given, email in wanted.items() if email in known}


def find_account(slug: str) -> Account:
    """Return the account with that slug.

    Raises:
        UnknownTarget: there is none.
    """
    account = Account.objects.filter(slug=slug).first() if _can_be_stored(slug) else None
    if account is None:
        raise no_account(slug)
    return account


def no_user(email: str) -> UnknownTarget:
    """Return the error for a user that doesn't exist."""
    return UnknownTarget(f'There is no user "{email}".')


def no_account(slug: str) -> UnknownTarget:
    """Return the error for an account that doesn't exist."""
    return UnknownTarget(f'There is no account "{slug}".')


def _keyed(
    kind: str,
    rows: models.QuerySet[Any],
    field: str,
    names: list[TargetName],
    accounts: Mapping[str, Account],
) -> Iterator[tuple[TargetName, Any]]:
    by_id = {account.pk: account for account in accounts.values()}
    keys: dict[str, set[str]] = {}
    for name in names:
        keys.setdefault(name.account, set()).add(name.key)
    for slug, wanted in keys.items():
        for row in rows.filter(**{"account": accounts[slug], f"{field}__in": wanted}):
            row.account = by_id[row.account_id]
            yield TargetName(kind, slug, getattr(row, field)), row


def _about_paths(record_type: str) -> Iterator[str]:
    for name, about_type in records.model_of(record_type).about_fields.items():
        yield name
        for path in _about_paths(about_type):
            yield f"{name}__{path}"


def _can_be_stored(text: str) -> bool:
    """Return whether the database can store the text."""
    return _NO_TEXT.search(text) is None


def _raise(name: TargetName) -> Any:
    raise name.unknown
