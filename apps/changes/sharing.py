"""Shares: access to one record for one user or one team of the record's branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.access import policy, records, shares, verbs
from apps.access.records import Record
from apps.access.shares import TeamShare, UserShare
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, deleted, inserted
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import ChangedMeanwhile, NoSuchRecord, NoSuchTarget
from apps.roles import catalogue
from apps.teams.models import Membership, Team

Share = UserShare | TeamShare


def shared_record(context: ChangeContext, record_type: str, record_id: int) -> Record:
    """Return the record, locked until the commit so that it can't become private meanwhile.

    Raises:
        NoSuchTarget: the actor can't see the record, or such records can't be shared.
    """
    model = records.model_of(record_type)
    rows = model._default_manager.select_for_update(no_key=True)
    record: Record | None = rows.filter(account=context.account, pk=record_id).first()
    view = catalogue.get(f"view_{record_type}")
    if record is None or not policy.decide(context.acting(), view, record):
        raise NoSuchRecord
    if shares.tables(record_type) is None:
        raise NoSuchTarget(
            _("%(record)s can't be shared directly.") % {"record": record.reference},
            _("Share the record that it is about."),
        )
    if record.private:
        raise NoSuchTarget(
            _("%(record)s is private and can't be shared.") % {"record": record.reference},
            _("Make the record visible to others first."),
        )
    return record


@dataclass(frozen=True, kw_only=True)
class ShareChange(Change):
    """A change of the share of a user or a team on a record; exactly one of the two is named.

    `seen` are the verbs that the page showed.
    """

    record_type: str
    record_id: int
    user_id: int | None = None
    team_id: int | None = None
    seen: frozenset[str] | None = None

    def standing(self, context: ChangeContext, record: Record) -> dict[str, Any]:
        """Return the current shares by verb.

        Raises:
            ChangedMeanwhile: they are not those that the page showed.
        """
        user_table, team_table = shares.tables(self.record_type) or (None, None)
        table: Any = user_table if self.team_id is None else team_table
        rows = table._default_manager.filter(content_object=record.pk, **self.holder(context, record, removed=True))
        current = {shares.codename_of(row.permission_id).partition("_")[0]: row for row in rows}
        for row in current.values():
            row.content_object = record
        if self.seen is not None and self.seen != current.keys():
            raise ChangedMeanwhile(
                _("This share changed while you were editing."),
                {"verbs": (sorted(self.seen), sorted(current))},
            )
        return current

    def holder(self, context: ChangeContext, record: Record, *, removed: bool = False) -> dict[str, int]:
        """Return the columns that name the user or the team.

        Raises:
            NoSuchTarget: it is not a member or a team of the record's branch.
        """
        if self.team_id is not None:
            team = Team.objects.filter(account=context.account, branch=record.branch_id, pk=self.team_id).first()
            if team is None:
                raise NoSuchTarget(
                    _("That team doesn't exist on %(branch)s.") % {"branch": context.branch(record.branch_id)}
                )
            return {"group_id": team.group_id}
        members = Membership.objects.filter(branch=record.branch_id, user=self.user_id)
        if not (members if removed else members.active()).exists():
            raise NoSuchTarget(
                _("This person is not an active member of %(branch)s, so a share would have no effect.")
                % {"branch": context.branch(record.branch_id)},
                _("Add them to the branch first."),
            )
        return {"user_id": int(self.user_id or 0)}

    def new(self, context: ChangeContext, record: Record, verbs_: Iterable[str]) -> list[Share]:
        """Return shares for these verbs."""
        holder = self.holder(context, record)
        user_table, team_table = shares.tables(self.record_type) or (None, None)
        table: Any = user_table if self.team_id is None else team_table
        return [
            table(
                account=context.account,
                content_object=record,
                permission_id=shares.permission_id(f"{verb}_{self.record_type}"),
                granted_by_id=None if context.actor is None else context.actor.pk,
                granted_at=context.now,
                reason=context.reason,
                **holder,
            )
            for verb in verbs_
        ]


def checked_verbs(record_type: str, verbs_: Iterable[str]) -> list[str]:
    """Return the verbs, if a share of such a record can give them.

    Raises:
        NoSuchTarget: there are none, or a share can't give one of them.
    """
    possible = catalogue.record_type(record_type).share_verbs
    chosen = sorted(set(verbs_))
    if not chosen or not set(chosen) <= set(possible):
        raise NoSuchTarget(
            _("A share of a %(record_type)s can give %(possible)s.")
            % {"record_type": record_type, "possible": ", ".join(possible)},
            _("Choose at least one of them."),
        )
    return chosen


@dataclass(frozen=True, kw_only=True)
class GrantShare(ShareChange):
    """Share a record. Needs `grant_record_access` on it, and each shared verb for the actor."""

    verb = verbs.SHARE_GRANTED

    verbs: frozenset[str]

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan a row for each verb."""
        record = shared_record(context, self.record_type, self.record_id)
        chosen = checked_verbs(self.record_type, self.verbs)
        current = self.standing(context, record)
        if current:
            raise NoSuchTarget(
                _("%(record)s is already shared with them.") % {"record": record.reference},
                _("Change that share instead."),
            )
        return [Diff([inserted(share) for share in self.new(context, record, chosen)])]

    def further(self, context: ChangeContext) -> list[RowChange]:
        """Plan rows for the verbs that don't exist yet, next to existing ones."""
        record = shared_record(context, self.record_type, self.record_id)
        chosen = checked_verbs(self.record_type, self.verbs)
        current = self.standing(context, record)
        return [inserted(share) for share in self.new(context, record, [v for v in chosen if v not in current])]


@dataclass(frozen=True, kw_only=True)
class ChangeShare(ShareChange):
    """Change the verbs of a share. Needs `change_record_access` on the record, and each added verb for the actor."""

    verb = verbs.SHARE_CHANGED
    terms = GuardTerms(needs=("change_record_access",))

    verbs: frozenset[str]

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the verbs to delete and to add."""
        record = shared_record(context, self.record_type, self.record_id)
        chosen = checked_verbs(self.record_type, self.verbs)
        current = self.standing(context, record)
        if not current:
            raise NoSuchTarget(
                _("%(record)s is not shared with them.") % {"record": record.reference}, _("Share it first.")
            )
        gone = [deleted(share) for verb, share in current.items() if verb not in chosen]
        new = self.new(context, record, [verb for verb in chosen if verb not in current])
        return [Diff([*gone, *(inserted(share) for share in new)])]


@dataclass(frozen=True, kw_only=True)
class RevokeShare(ShareChange):
    """Revoke a share. Needs `revoke_record_access` on the record."""

    verb = verbs.SHARE_REVOKED

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of its rows."""
        record = shared_record(context, self.record_type, self.record_id)
        current = self.standing(context, record)
        if not current:
            raise NoSuchTarget(_("%(record)s is not shared with them.") % {"record": record.reference})
        return [Diff([deleted(share) for share in current.values()])]
