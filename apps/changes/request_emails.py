"""Emails about access: new requests, decisions and overrides that end.

Each is a queued job of the same transaction as its change, and reads current data when it runs. A record appears only
by its reference, and only for people who can see it then.
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

# At most this many people get an email about a request.
MOST_ASKED = 50


@app.task(queue="mail", task_middleware=[once])
def request_made(account_id: int, request_id: int) -> int:
    """Email the people who can decide a request and return how many. Does nothing if it is decided."""
    with tenant(account_id):
        access_request = _request(account_id, request_id)
        if access_request is None or access_request.status != AccessRequest.Status.OPEN:
            return 0
        people = deciders(access_request)[:MOST_ASKED]
        seeing = _seeing(access_request)
        for person in people:
            _send("request_made", person, access_request, seeing)
        return len(people)


@app.task(queue="mail", task_middleware=[once])
def request_decided(account_id: int, request_id: int) -> None:
    """Email the decision to the requester."""
    with tenant(account_id):
        access_request = _request(account_id, request_id)
        if access_request is not None and access_request.user.is_active:
            _send("request_decided", access_request.user, access_request, _seeing(access_request))


def deciders(access_request: AccessRequest) -> list[User]:
    """Return the people who can decide the request, by email address: by sharing the record or setting the override."""
    if shared_verb(access_request) is None:
        users = who_may("manage_member_permissions", access_request.branch)
    else:
        record = access_request.find_record()
        users = [] if record is None else who_may("grant_record_access", record)
    return [person for person in users if person.pk != access_request.user_id]


def _request(account_id: int, request_id: int) -> AccessRequest | None:
    rows = AccessRequest.objects.select_related("account", "branch", "user", "decided_by")
    return rows.filter(account=account_id, pk=request_id).first()


def _seeing(access_request: AccessRequest) -> tuple[Record | None, set[int]]:
    """Return the record of the request, and who can view it."""
    record = access_request.find_record()
    if record is None:
        return None, set()
    return record, {person.pk for person in who_may(f"view_{record.record_type}", record)}


def _send(name: str, person: User, access_request: AccessRequest, seeing: tuple[Record | None, set[int]]) -> None:
    record, people = seeing
    context = {
        "person": person,
        "asked": access_request,
        "permission": catalogue.get(access_request.permission),
        "about": access_request.record_id is not None,
        "reference": record.reference if record is not None and person.pk in people else "",
        "address": mail.link(reverse("pages:request", args=[access_request.account.slug, access_request.pk])),
    }
    with as_read_by(person, access_request.account):
        mail.send(name, person.email, context)
