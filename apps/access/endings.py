"""Warnings of what ends soon: three days and one day before an override's end, to its holder and to who set it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.access.models import EndingWarning, Override
from apps.access.policy import who_may
from apps.accounts import mail
from apps.accounts.fence import tenant
from apps.accounts.models import Account, User
from apps.accounts.preferences import as_read_by
from apps.roles import catalogue
from apps.teams.models import Membership

DAYS = (1, 3)


def warn_of_ends(now: datetime | None = None) -> int:
    """Warn of every override that ends within three days; returns of how many. Safe to run twice at once.

    Where both warnings are due, since none was given for a while, the later one is enough. Nobody is warned of what was
    given for a shorter time than that, nor where no membership counts any more.
    """
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_accounts_with_ends(%s, %s)", [now, now + timedelta(days=max(DAYS))])
        accounts = [account_id for (account_id,) in cursor.fetchall()]
    warned = 0
    for account_id in accounts:
        with tenant(account_id):
            warned += sum(_warn(override, days, now) for override, days in _due(account_id, now))
    return warned


def _due(account_id: int, now: datetime) -> Iterator[tuple[Override, int]]:
    """What ends soon, with the days before its end of which one is to be warned now."""
    rows = Override.objects.filter(account=account_id, expires_at__gt=now, user__is_active=True)
    rows = rows.exclude(account__status=Account.Status.CLOSED).select_related("account", "branch", "user", "author")
    for override in rows.filter(expires_at__lte=now + timedelta(days=max(DAYS))).order_by("expires_at", "pk"):
        assert override.expires_at is not None
        days = next(days for days in DAYS if override.expires_at <= now + timedelta(days=days))
        if override.created_at + timedelta(days=days) <= override.expires_at:
            yield override, days


def _warn(override: Override, days: int, now: datetime) -> bool:
    """Whether somebody was told, and had not been before."""
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
    """Its holder; and who set it, as long as they may set it."""
    found = [override.user]
    author = override.author
    if author is not None and author != override.user:
        found += [person for person in who_may("manage_member_permissions", override.branch) if person == author]
    return found


def _send(override: Override, person: User) -> None:
    mine = person == override.user
    slug = override.account.slug
    page = reverse("access:requests", args=[slug])
    if not mine:
        page = reverse("access:member-permissions", args=[slug, override.user_id, override.branch.slug])
    context = {
        "person": person,
        "override": override,
        "permission": catalogue.get(override.permission),
        "mine": mine,
        "address": mail.link(page),
    }
    with as_read_by(person, override.account):
        mail.send("ending", person.email, context)
