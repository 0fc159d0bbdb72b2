"""What is told by mail about access: that somebody asks, what was decided, and what ends soon.

Each is a job of the queue, which stands or falls with the change that it tells of and reads afresh when it runs. A
record is named by its reference alone, and only to those who may see it then.
"""

from __future__ import annotations

from django.urls import reverse
from procrastinate.contrib.django import app

from apps.access.models import AccessRequest
from apps.access.policy import who_may
from apps.access.records import Record
from apps.accounts import mail
from apps.accounts.exactly_once import once
from apps.accounts.fence import tenant
from apps.accounts.models import User
from apps.accounts.preferences import as_read_by
from apps.changes.guards.needs import shared_verb
from apps.roles import catalogue

# So many are asked at most: whoever has more people who decide needs no mail to all of them.
MOST_ASKED = 50


@app.task(queue="mail", task_middleware=[once])
def request_made(account_id: int, request_id: int) -> int:
    """Tell those who may decide that somebody asks; returns how many they are. Nothing where it has been decided."""
    with tenant(account_id):
        asked = _request(account_id, request_id)
        if asked is None or asked.status != AccessRequest.Status.OPEN:
            return 0
        people = deciders(asked)[:MOST_ASKED]
        seeing = _seeing(asked)
        for person in people:
            _send("request_made", person, asked, seeing)
        return len(people)


@app.task(queue="mail", task_middleware=[once])
def request_decided(account_id: int, request_id: int) -> None:
    """Tell the one who asked what was decided."""
    with tenant(account_id):
        asked = _request(account_id, request_id)
        if asked is not None and asked.user.is_active:
            _send("request_decided", asked.user, asked, _seeing(asked))


def deciders(asked: AccessRequest) -> list[User]:
    """Those who may decide the request, by address: who may share the record, or give permissions on the branch."""
    if shared_verb(asked) is None:
        found = who_may("manage_member_permissions", asked.branch)
    else:
        record = asked.find_record()
        found = [] if record is None else who_may("grant_record_access", record)
    return [person for person in found if person.pk != asked.user_id]


def _request(account_id: int, request_id: int) -> AccessRequest | None:
    rows = AccessRequest.objects.select_related("account", "branch", "user", "decided_by")
    return rows.filter(account=account_id, pk=request_id).first()


def _seeing(asked: AccessRequest) -> tuple[Record | None, set[int]]:
    """The record that it is about, and who may see it."""
    record = asked.find_record()
    if record is None:
        return None, set()
    return record, {person.pk for person in who_may(f"view_{record.record_type}", record)}


def _send(name: str, person: User, asked: AccessRequest, seeing: tuple[Record | None, set[int]]) -> None:
    record, people = seeing
    context = {
        "person": person,
        "asked": asked,
        "permission": catalogue.get(asked.permission),
        "about": asked.record_id is not None,
        "reference": record.reference if record is not None and person.pk in people else "",
        "address": mail.link(reverse("pages:request", args=[asked.account.slug, asked.pk])),
    }
    with as_read_by(person, asked.account):
        mail.send(name, person.email, context)
