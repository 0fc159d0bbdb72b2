"""Warnings of overrides that end: three days and one day before, to the holder and the author."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from apps.access.models import EndingWarning, Override
from apps.access.policy import who_may
from apps.accounts import mail
from apps.accounts.isolation import Job, attempt_each, due_accounts, in_each_account
from apps.accounts.models import Account, User
from apps.accounts.preferences import as_read_by
from apps.roles import catalogue
from apps.teams.models import Membership

DAYS = (1, 3)
WARNING = Job("warn_of_ends", gettext_lazy("Warnings of overrides that end"))


def warn_of_ends(now: datetime | None = None) -> int:
    """Warn of every override that ends within three days and return how many. Safe to run twice at once.

    If both warnings are due, only the later one is sent. Overrides that were shorter than the warning time, or without
    an active membership, get no warning.

    Raises:
        AccountsFailed: some warnings could not be sent; all others were.
    """
    now = now or timezone.now()
    warned = 0

    def warn(due: tuple[Override, int]) -> None:
        nonlocal warned
        warned += _warn(*due, now)

    account_ids = due_accounts(
        WARNING, "SELECT access_accounts_with_ends(%s, %s)", [now, now + timedelta(days=max(DAYS))]
    )
    in_each_account(WARNING, account_ids, lambda account_id: attempt_each(_due(account_id, now), warn)).check()
    return warned


def _due(account_id: int, now: datetime) -> Iterator[tuple[Override, int]]:
    """Return the overrides that end soon, with the number of days for which a warning is due."""
    rows = Override.objects.filter(account=account_id, expires_at__gt=now, user__is_active=True)
    rows = rows.exclude(account__status=Account.Status.CLOSED).select_related("account", "branch", "user", "author")
    for override in rows.filter(expires_at__lte=now + timedelta(days=max(DAYS))).order_by("expires_at", "pk"):
        assert override.expires_at is not None
        days = next(days for days in DAYS if override.expires_at <= now + timedelta(days=days))
        if override.created_at + timedelta(days=days) <= override.expires_at:
            yield override, days


def _warn(override: Override, days: int, now: datetime) -> bool:
    """Return whether a warning was sent that had not been sent before."""
    members = Membership.objects.active().filter(branch=override.branch_id, user=override.user_id)
    if not members.exclude(branch__status="closed").exists():
        return False
    with transaction.atomic():
        given = {"account_id": override.account_id, "override_id": override.pk, "ends_at": override.expires_at}
        _, is_new = EndingWarning.objects.get_or_create(**given, days=days, defaults={"sent_at": now})
        if is_new:
            for person in _concerned(override):
                _send(override, person)
    return is_new


def _concerned(override: Override) -> list[User]:
    """Return the holder, and the author as long as they may set the override."""
    found = [override.user]
    author = override.author
    if author is not None and author != override.user:
        found += [person for person in who_may("manage_member_permissions", override.branch) if person == author]
    return found


def _send(override: Override, person: User) -> None:
    mine = person == override.user
    slug = override.account.slug
    page = reverse("pages:requests", args=[slug])
    if not mine:
        page = reverse("pages:member-permissions", args=[slug, override.user_id, override.branch.slug])
    context = {
        "person": person,
        "override": override,
        "permission": catalogue.get(override.permission),
        "mine": mine,
        "address": mail.link(page),
    }
    with as_read_by(person, override.account):
        mail.send("ending", person.email, context)
