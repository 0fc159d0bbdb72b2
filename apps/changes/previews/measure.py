"""Looking at a change while it is tried: who is affected, and how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.access import records, shares
from apps.access.facts import Facts, account_facts
from apps.access.handover import MovingRecords
from apps.access.mandate import Mandate
from apps.access.records import Record
from apps.accounts.models import Branch
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff
from apps.changes.previews.affected_users import AffectedUsers, Pair
from apps.changes.previews.aggregates import AggregateCounts
from apps.changes.previews.counting import numbers
from apps.changes.previews.orphans import Orphans
from apps.changes.previews.people import (
    Scopes,
    Snapshot,
    UserAccess,
    concerned,
    in_batches,
    mates_of,
    on_branches,
    places,
)
from apps.changes.previews.temp_tables import TempTables
from apps.changes.previews.user_groups import UserGroup
from apps.changes.previews.values import IN_FULL, Group, Member, Preview, ScopeChange, ScopeGiven
from apps.teams.models import TeamMember


class Measure:
    """Measures one change. `only` are those who are looked at, where it is known who is affected.

    `again` says who that is, where so many were looked at that there are only sums, and few enough are affected to be
    told of in full.
    """

    def __init__(self, change: Change, only: Collection[int] | None = None) -> None:
        self._change = change
        self._only = only
        self._try: _Trial | None = None

    @property
    def again(self) -> frozenset[int] | None:
        """Whom to look at once more, if anybody."""
        return self._tried.again

    def preview(self) -> Preview:
        """What was found."""
        return self._tried.found

    def before(self, context: ChangeContext, diff: Diff) -> None:
        """See `Observer`."""
        self._on(context).before(diff)

    def planned(self, context: ChangeContext) -> None:
        """See `Observer`."""
        self._on(context).planned()

    def after(self, context: ChangeContext) -> None:
        """See `Observer`."""
        self._on(context).after()

    def going(self, going: MovingRecords) -> None:
        """Look at what is about to be handed over or moved."""
        self._tried.going(going)

    @property
    def _tried(self) -> _Trial:
        assert self._try is not None, "a change is observed before it is told of"
        return self._try

    def _on(self, context: ChangeContext) -> _Trial:
        """The try on this context; a change that the database broke off is tried anew on another one."""
        if self._try is None or self._try.context is not context:
            self._try = _Trial(self._change, context, self._only)
        return self._try


class _Trial:
    """One try of the change."""

    def __init__(self, change: Change, context: ChangeContext, only: Collection[int] | None) -> None:
        self.context = context
        self.again: frozenset[int] | None = None
        self.found = Preview(affected=0)
        self._change = change
        self._only = only
        self._scopes = Scopes()
        self._era = Snapshot(context.facts, context.now, self._scopes)
        self._scratch = TempTables(context.acting())
        self._sums = AggregateCounts(self._scratch, self._scopes)
        # The state before, user by user; if there are too many, they move to the table.
        self._facts: dict[int, Facts] = {}
        self._roll: AffectedUsers | None = None
        self._shared: defaultdict[type[Record], set[int]] = defaultdict(set)
        self._groups: set[int] = set()
        self._joining: set[int] = set()
        self._notes: tuple[str, ...] = ()
        self._rows = 0
        # Groups share equal values: there can be thousands of groups.
        self._known: dict[tuple[int, int, int], tuple[ScopeChange, ...]] = {}

    # Before

    def before(self, diff: Diff) -> None:
        """Look at those whom the rows concern, and note what is shared and whose teams change."""
        self._rows += sum(not row.idle for row in diff.rows)
        for row in diff.rows:
            if issubclass(row.model, shares.UserShare | shares.TeamShare):
                record = row.either.content_object
                self._shared[type(record)].add(record.pk)
            elif row.model is TeamMember:
                self._joining.add(row.either.user_id)
                self._groups.add(row.either.team.group_id or 0)
        self._meet(concerned(self.context, diff))

    def planned(self) -> None:
        """Note the records that shares and teams bring into sight, and who sees them."""
        self._notes = tuple(self._change.notes(self.context))
        for model, ids in self._shared.items():
            self._scratch.touch(model, Q(pk__in=ids))
        if self._joining:
            self._touch_what_teams_see()
        self._scratch.follow()
        self._look()

    def going(self, going: MovingRecords) -> None:
        """Note the records that go, who sees them, and look at everybody for whom that can make a difference."""
        known = set(self._facts)
        self._meet(mates_of(self.context.account, going.users))
        if going.branches:
            self._meet(on_branches(self.context.account, going.branches))
        self._see(self._facts.keys() - known, since=0)
        self._scratch.round += 1
        self._scratch.touch_everywhere(going.records)
        self._look()

    def _meet(self, user_ids: Iterable[int]) -> None:
        for batch in in_batches(user_ids):
            new = batch if self._only is None else batch.intersection(self._only)
            new = new.difference(self._facts) if self._roll is None else self._roll.missing(new)
            if self._roll is None and len(self._facts) + len(new) > IN_FULL:
                self._roll = AffectedUsers()
                self._roll.enter(((facts, self._stood(facts.user_id)) for facts in self._facts.values()), tied=True)
                self._facts.clear()
            if self._roll is None:
                self._facts |= {facts.user_id: facts for facts, _ in self._era.people(new, teams=True)}
            else:
                tied = bool(self._joining)
                self._roll.enter(self._era.people(new, teams=tied), tied=tied)

    def _stood(self, user_id: int) -> UserAccess:
        return self._era.standing(self._facts[user_id])

    def _touch_what_teams_see(self) -> None:
        """What the people of a team answer for, and what is shared with the team."""
        team_mates = TeamMember.objects.filter(team__group__in=self._groups).values_list("user", flat=True)
        users = self._joining.union(team_mates)
        for name, model in records.registered().items():
            condition = Q(responsible__in=users)
            if (tables := shares.tables(name)) is not None:
                shared = tables[1]._default_manager.filter(group__in=self._groups).values("content_object")
                condition |= Q(pk__in=shared)
            self._scratch.touch(model, condition)

    def _look(self) -> None:
        """Note who sees the records of this round: each person at hand, and of very many whoever reaches them."""
        if self._scratch.types:
            self._sums.note(self._scratch.round)
            self._see(self._facts, since=self._scratch.round)

    def _see(self, user_ids: Iterable[int], since: int) -> None:
        for user_id in user_ids:
            self._scratch.see(self._era.mandate(self._facts[user_id]), since)

    # After

    def after(self) -> None:
        """Hold what stands now against what stood before."""
        after = Snapshot(account_facts(self.context.account.pk), self.context.now, self._scopes)
        orphans = Orphans(self._scratch, self._scopes, after)
        found = self._members(after, orphans) if self._roll is None else self._groups_of(self._roll, after, orphans)
        self.found = replace(
            found,
            rows=self._rows,
            orphans=dict(orphans.counts),
            references=tuple(orphans.references),
            notes=self._notes,
            everything=self._scratch.actor.operator,
        )

    def _members(self, after: Snapshot, orphans: Orphans) -> Preview:
        found = []
        lost: defaultdict[str, list[Mandate]] = defaultdict(list)
        self.context.learn_names(self._facts)
        for facts, standing in after.people(self._facts, teams=True):
            was, is_now = self._era.mandate(self._facts[facts.user_id]), after.mandate(facts)
            counted = numbers(self._scratch, was, is_now)
            stood = self._stood(facts.user_id)
            if not counted and standing == stood:
                continue
            for name in () if facts.operator else counted.loses:
                lost[name].append(was)
            changes = tuple(self._changes(stood, standing, (was, is_now)))
            found.append(Member(facts.user_id, self.context.name(facts.user_id), changes, counted))
        orphans.of_members(lost, [facts.user_id for facts in self._facts.values() if facts.operator])
        return Preview(affected=len(found), members=tuple(sorted(found, key=lambda each: (each.name, each.user_id))))

    def _groups_of(self, roll: AffectedUsers, after: Snapshot, orphans: Orphans) -> Preview:
        roll.follow(after)
        crowds = [crowd for crowd in self._sums.crowds(roll, after.account.branches) if crowd.affected]
        affected = sum(crowd.affected for crowd in crowds)
        if affected <= IN_FULL:
            self.again = roll.affected()
            return Preview(affected=affected)
        lost: defaultdict[str, list[Pair]] = defaultdict(list)
        for crowd in crowds:
            for name in crowd.numbers.loses:
                lost[name] += crowd.pairs
        orphans.of_crowds(lost)
        groups = [self._group(crowd) for crowd in crowds]
        return Preview(affected=affected, groups=tuple(sorted(groups, key=lambda group: -group.members)))

    def _group(self, crowd: UserGroup) -> Group:
        assert crowd.first is not None, "somebody of them is affected"
        _, (before, after) = crowd.first
        changes = tuple(self._changes(self._scopes.standings[before], self._scopes.standings[after]))
        return Group(crowd.affected, changes, crowd.numbers, crowd.gains, crowd.loses)

    def _changes(
        self, before: UserAccess, after: UserAccess, mandates: tuple[Mandate, Mandate] | None = None
    ) -> Iterator[ScopeChange]:
        """Each permission that reaches otherwise, branch by branch; with the steps, where the Mandates are at hand."""
        for branch_id, sides in places(before, after).items():
            if mandates is not None:
                yield from self._changes_on(branch_id, *sides, mandates)
                continue
            if (key := (branch_id, *sides)) not in self._known:
                self._known[key] = tuple(self._changes_on(*key))
            yield from self._known[key]

    def _changes_on(
        self, branch_id: int, before: int, after: int, mandates: tuple[Mandate, Mandate] | None = None
    ) -> Iterator[ScopeChange]:
        was, is_now = self._scopes[before], self._scopes[after]
        for codename in self._scopes.codenames:
            if was[codename] == is_now[codename]:
                continue
            steps = [mandate.effective(branch_id, codename).steps for mandate in mandates or ()] or [(), ()]
            old, new = (ScopeGiven(*held, s) for held, s in zip((was[codename], is_now[codename]), steps, strict=True))
            yield ScopeChange(branch_id or None, self._place(branch_id), codename, old, new)

    def _place(self, branch_id: int) -> str:
        if branch_id in self.context.branches:
            return str(self.context.branches[branch_id])
        if not branch_id:
            return _("the rest of %(account)s") % {"account": self.context.account}
        return str(Branch.objects.get(pk=branch_id))
