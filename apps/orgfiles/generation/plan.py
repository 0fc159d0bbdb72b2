"""The plan of what to generate, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError

from apps.accounts.models import Account, Branch, validate_slug
from apps.roles.schemes import Scheme, scheme, scheme_keys

MOST = 10_000_000
RECORD_KINDS = {
    "companies": "company",
    "contacts": "contact",
    "leads": "lead",
    "opportunities": "opportunity",
    "tasks": "task",
    "activities": "activity",
}


class GenerationRefused(Exception):
    """The plan cannot be carried out; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """How much of what an account is to get, besides what it has. `shares` are of leads.

    `branches` left out is one for a new account and none for one that exists.
    """

    account: str
    scheme: str | None = None
    seed: int = 1
    branches: int | None = None
    members: int = 0
    teams: int = 0
    companies: int = 0
    contacts: int = 0
    leads: int = 0
    opportunities: int = 0
    tasks: int = 0
    activities: int = 0
    shares: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each, in the order in which they are made."""
        names = ("branches", "members", "teams", *RECORD_KINDS, "shares")
        return {name: getattr(self, name) or 0 for name in names}


def check(plan: LoadPlan) -> LoadPlan:
    """The plan as it will be carried out, with the scheme and the number of new branches filled in.

    Raises:
        GenerationRefused: it makes no sense, or the account does not let it be carried out.
    """
    for name, count in plan.counts.items():
        if not 0 <= count <= MOST:
            raise GenerationRefused(f"{count} {name} is out of range: choose 0 to {MOST:,}.")
    if plan.seed not in range(2**31):
        raise GenerationRefused(f"The seed {plan.seed} is out of range: choose one from 0 to {2**31 - 1:,}.")
    account = Account.objects.filter(slug=plan.account).first()
    filled = _for_new_account(plan) if account is None else _for_known_account(plan, account)
    present = _open_branches(account)
    total = present + (filled.branches or 0)
    if not total:
        raise GenerationRefused(f'The account "{plan.account}" has no open branch: add one with --branches.')
    if total > 1 and not _scheme_of(filled).many_branches:
        raise GenerationRefused(
            f"Accounts under the scheme {filled.scheme} have one branch, and {plan.account} would have {total}."
        )
    if not any(filled.counts.values()):
        raise GenerationRefused("Nothing to generate: give numbers, such as --members 50 --leads 10000.")
    about = max(filled.companies, filled.contacts, filled.leads, filled.opportunities)
    if filled.activities and about < total:
        raise GenerationRefused(f"Activities belong to records: ask for at least {total} leads too.")
    if filled.shares and not (filled.leads and filled.members >= total):
        raise GenerationRefused("Shares need generated leads and generated members of every branch: ask for both.")
    if filled.shares > filled.leads * (filled.members // total):
        raise GenerationRefused(
            f"{filled.shares:,} shares are too many for {filled.leads:,} leads and their branch's members."
        )
    return filled


def _for_new_account(plan: LoadPlan) -> LoadPlan:
    if plan.scheme is None:
        raise GenerationRefused(
            f'The account "{plan.account}" does not exist: name its role system to create it, such as --scheme'
            f" {scheme_keys()[0]}."
        )
    try:
        scheme(plan.scheme)
        validate_slug(plan.account)
    except LookupError as error:
        raise GenerationRefused(str(error.args[0])) from None
    except ValidationError as error:
        raise GenerationRefused(f'"{plan.account}" is not a name for an account: {error.messages[0]}') from None
    if plan.branches == 0:
        raise GenerationRefused("A new account needs at least one branch.")
    return replace(plan, branches=plan.branches or 1)


def _for_known_account(plan: LoadPlan, account: Account) -> LoadPlan:
    if plan.scheme not in (None, account.scheme):
        raise GenerationRefused(f"The account {account.slug} follows the scheme {account.scheme}, not {plan.scheme}.")
    if account.status == Account.Status.CLOSED:
        raise GenerationRefused(f"The account {account.slug} is closed.")
    return replace(plan, scheme=account.scheme, branches=plan.branches or 0)


def _scheme_of(plan: LoadPlan) -> Scheme:
    return scheme(str(plan.scheme))


def _open_branches(account: Account | None) -> int:
    return account.branches.filter(status=Branch.Status.ACTIVE).count() if account else 0
