"""Who could do this on that day? The engine's questions, asked of the tables as the log records them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from apps.access import records
from apps.access.explain import Explanation, explain
from apps.access.facts import load
from apps.access.history.replay import shadowed
from apps.access.mandate import Mandate
from apps.access.policy import who_may
from apps.access.records import HistoryUnknown, Record
from apps.access.targets import TargetName, find_account
from apps.accounts.models import Account, Branch, User
from apps.roles.catalogue import Target


@dataclass(frozen=True, slots=True)
class TargetAsOf:
    """A target as it was at a time. `sources` says where each part is known from."""

    at: datetime
    account: Account
    target: Account | Branch | Record
    sources: list[str]

    def who_may(self, codename: str) -> list[User]:
        """Return who had the permission then, by email address, with their names at that time.

        Raises:
            UnknownPermission, WrongTarget: as `may` does.
        """
        return who_may(codename, self.target, now=self.at)

    def explain(self, user: User, codename: str) -> Explanation:
        """Return why the user had or lacked the permission then.

        Raises:
            UnknownPermission, WrongTarget: as `may` does.
        """
        mandate = Mandate(load(user.pk, self.account.pk, self.at), self.at)
        return explain(user, codename, self.target, fixes=False, mandate=mandate)


@contextmanager
def as_of(name: TargetName, at: datetime) -> Iterator[TargetAsOf]:
    """Open a block in which the target can be queried as it was. The block must not write; it is rolled back.

    Raises:
        UnknownTarget: the account or the record type doesn't exist.
        HistoryUnknown: the target didn't exist then, or its past is unknown.
        NoSuchMoment: the time has no zone, or is in the future.
    """
    account = find_account(name.account)
    branch = Branch.objects.filter(account=account, slug=name.key).first()
    with shadowed(account, at):
        account = Account.objects.get(pk=account.pk)
        sources = [
            f"Members, roles and access at {at.isoformat()}: from the audit log.",
            "Permissions of built-in roles and their prerequisites: as they are now.",
        ]
        target: Account | Branch | Record = account
        if name.kind == Target.BRANCH:
            target = _branch(name, account, branch)
        elif name.kind != Target.ACCOUNT:
            if name.kind not in records.registered():
                raise name.unknown
            was = records.model_of(name.kind).as_of(account.pk, name.key, at)
            was.record.account = account
            target = was.record
            sources.append(was.source)
        yield TargetAsOf(at, account, target, sources)


def who_could(codename: str, name: TargetName, at: datetime) -> list[User]:
    """Return who had the permission at that time, by email address, with their names at that time.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
        UnknownTarget, HistoryUnknown, NoSuchMoment: as `as_of` does.
    """
    with as_of(name, at) as past:
        return past.who_may(codename)


def _branch(name: TargetName, account: Account, known: Branch | None) -> Branch:
    """Return the branch with that slug now, or else the one that had it then, as it was."""
    branches = Branch.objects.filter(account=account)
    found = branches.filter(pk=known.pk) if known else branches.filter(slug=name.key)
    branch = found.select_related("account").first()
    if branch is None:
        raise HistoryUnknown(f'The account "{name.account}" had no branch "{name.key}" at that time.')
    return branch
