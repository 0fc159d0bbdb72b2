"""What a choice would cost and change, by making it and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from apps.access.preview import preview
from apps.accounts.models import Account, User
from apps.billing.book import Book, Entitlements
from apps.billing.changes import Entitle
from apps.billing.invoicing import Draft, unbilled
from apps.billing.plans import FEATURES
from apps.billing.sellers import seller
from apps.billing.subscribing import Choice, Chosen, choose


@dataclass(frozen=True, slots=True)
class Quote:
    """What comes of a choice: what is billed at once, what the plan gives and takes, and whose rights change."""

    chosen: Chosen
    billed: Sequence[Draft]
    lost: Sequence[str]
    gained: Sequence[str]
    rights: Sequence[str]


class _TakenBack(Exception):
    """Ends a trial, so that the transaction is rolled back."""


def quote(account: Account, choice: Choice, *, actor: User | None) -> Quote:
    """Try the choice.

    Raises:
        Refusal: as `choose` does.
    """
    before = Book(account).entitlements()
    tried: list[tuple[Chosen, list[Draft], Entitlements]] = []
    with suppress(_TakenBack), transaction.atomic():
        chosen = choose(account.pk, choice, actor=actor, reason="Tried, and taken back")
        book = Book(account)
        tried.append((chosen, unbilled(book, seller()), Book(account, chosen.later_on).entitlements()))
        raise _TakenBack
    chosen, billed, after = tried[0]
    had, has = before.features or frozenset(), after.features or frozenset()
    rights = preview(Entitle(account_id=account.pk, given=after), actor=actor).lines()
    return Quote(chosen, billed, _named(had - has), _named(has - had), list(rights))


def _named(features: frozenset[str]) -> list[str]:
    return [label for key, label in FEATURES.items() if key in features]
