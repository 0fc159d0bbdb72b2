"""The same pages and counts as an expert would write them for one member, who knows what that member may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from apps.access.lists import CAP
from apps.access.shares import permission_id
from apps.crm.models import Lead
from apps.roles.scopes import Scope
from apps.teams.models import TeamMember
from bench.cast import Asker

SIZE = 50
_NEWEST = "ORDER BY created_at DESC, id DESC LIMIT %(size)s"
_BRANCH = "crm_lead lead WHERE lead.account_id = %(account)s AND lead.branch_id = {branch}"
_TEAM = """
unnest(%(mates)s::bigint[]) AS mate, LATERAL (
    SELECT * FROM crm_lead
    WHERE account_id = %(account)s AND branch_id = {branch} AND responsible_id = mate {newest}
) AS lead
"""
_SHARED = """
crm_leadusershare share JOIN crm_lead lead ON lead.id = share.content_object_id
WHERE share.user_id = %(user)s AND share.permission_id = %(permission)s
    AND lead.account_id = %(account)s AND lead.branch_id = {branch}
"""


class ByHand:
    """A member's page and count as SQL text with its parameters."""

    def __init__(self, account_id: int, asker: Asker) -> None:
        mates = TeamMember.objects.filter(team__members__user=asker.user).values_list("user", flat=True)
        self._parameters: dict[str, Any] = {
            "account": account_id,
            "user": asker.user.pk,
            "mates": sorted(set(mates)),
            "permission": permission_id("view_lead"),
            "size": SIZE,
            "cap": CAP + 1,
        }
        scopes = asker.scopes.items()
        self._page_sql = _page([arm for branch, scope in scopes for arm in _arms(branch, scope, _TEAM)])
        whole_team = f"{_BRANCH} AND lead.responsible_id = ANY(%(mates)s)"
        self._count_sql = _count([arm for branch, scope in scopes for arm in _arms(branch, scope, whole_team)])

    def page(self) -> list[Lead]:
        """The newest leads."""
        return list(Lead.objects.raw(self._page_sql, self._parameters))

    def count(self) -> int:
        """How many there are, up to one more than the cap."""
        with connection.cursor() as cursor:
            cursor.execute(self._count_sql, self._parameters)
            (count,) = cursor.fetchone()
        return int(count)


def _arms(branch: int, scope: Scope, team: str) -> Iterator[str]:
    """What stands behind FROM for each reach of the scope."""
    for reach, arm in (
        (Scope.ALL, _BRANCH),
        (Scope.CREATED, f"{_BRANCH} AND lead.created_by_id = %(user)s"),
        (Scope.RESPONSIBLE, f"{_BRANCH} AND lead.responsible_id = %(user)s"),
        (Scope.SHARED, _SHARED),
        (Scope.TEAM, team),
    ):
        if scope & reach:
            yield arm.format(branch=branch, newest=_NEWEST)


def _page(arms: Sequence[str]) -> str:
    if len(arms) == 1:
        return f"SELECT lead.* FROM {arms[0]} {_NEWEST}"
    ids = " UNION ".join(f"(SELECT lead.id FROM {arm} {_NEWEST})" for arm in arms)
    return f"SELECT * FROM crm_lead WHERE id IN ({ids}) {_NEWEST}"


def _count(arms: Sequence[str]) -> str:
    found = " UNION ".join(f"(SELECT lead.id FROM {arm} LIMIT %(cap)s)" for arm in arms)
    return f"SELECT count(*) FROM (SELECT FROM ({found}) AS found LIMIT %(cap)s) AS counted"
