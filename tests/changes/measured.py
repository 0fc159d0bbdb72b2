"""What everybody may and sees, read before and after a change; and what a preview of it has to tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.access import records
from apps.access.facts import Facts, account_facts, load_some
from apps.access.mandate import Mandate
from apps.access.querysets import visible
from apps.accounts.models import Account, User
from apps.changes.previews.people import everybody
from apps.roles import catalogue

TYPES = tuple(records.registered())


@dataclass(frozen=True)
class Record:
    """A record as far as a preview looks at it."""

    responsible: int | None
    work: bool


class Situation:
    """Everybody's scopes, and the ids of the records that they see, at one moment."""

    def __init__(self, account: Account) -> None:
        facts = account_facts(account.pk)
        now = timezone.now()
        nobody = Facts(0, active=True, operator=True, account=facts, parent=None, memberships={})
        self.codenames = [permission.codename for permission in catalogue.permissions()]
        self.branches = sorted(facts.branches)
        people = load_some(facts, list(everybody(account.pk)), teams=True)
        self.operators = {user_id for user_id, each in people.items() if each.operator}
        self.mandates = {user_id: Mandate(each, now) for user_id, each in people.items()}
        self.seen = {user_id: _seen(mandate) for user_id, mandate in self.mandates.items()}
        self.public = _seen(Mandate(nobody, now))
        self.records = {name: _records(account, name) for name in TYPES}

    def sees(self, user_id: int, name: str) -> set[int]:
        """The records that somebody sees."""
        return self.seen[user_id][name] if user_id in self.seen else set()

    def scope(self, user_id: int, branch_id: int, codename: str) -> Any:
        """The scope of somebody who may be nobody yet."""
        mandate = self.mandates.get(user_id)
        return mandate.effective(branch_id, codename).scope if mandate is not None else 0


def _seen(mandate: Mandate) -> dict[str, set[int]]:
    return {name: set(visible(mandate, f"view_{name}", name).values_list("pk", flat=True)) for name in TYPES}


def _records(account: Account, name: str) -> dict[int, Record]:
    model = records.model_of(name)
    rows = model._default_manager.filter(account=account)
    work = set() if name == "activity" else set(rows.filter(model.still_to_do).values_list("pk", flat=True))
    return {pk: Record(who, pk in work) for pk, who in rows.values_list("pk", "responsible")}


class Expected:
    """What becomes of everybody between two situations, told to an actor (None: the operator at the console)."""

    def __init__(self, before: Situation, after: Situation, actor: User | None) -> None:
        self.before = before
        self.after = after
        self.actor = actor
        self.users = sorted(before.mandates.keys() | after.mandates.keys())

    def told(self, name: str, user_id: int) -> set[int]:
        """What the actor may be told of, about this person; -1 is about nobody in particular."""
        public = self.before.public[name]
        if self.actor is None:
            return public
        seen = self.before.sees(self.actor.pk, name)
        return seen if user_id == self.actor.pk else seen & public

    def numbers(self, user_id: int, *, public: bool = False) -> dict[str, dict[str, int]]:
        """What somebody gains, loses and answers for without seeing it; private contacts left out, if asked."""
        gains, loses, stranded = Counter[str](), Counter[str](), Counter[str]()
        for name in TYPES:
            told = self.told(name, -1 if public else user_id)
            saw, sees = self.before.sees(user_id, name), self.after.sees(user_id, name)
            gains[name] = len(sees & told - saw)
            loses[name] = len(saw & told - sees)
            for pk, record in self.after.records[name].items():
                if pk in told and pk not in sees and record.work and record.responsible == user_id:
                    stranded[name] += pk in saw or self.before.records[name][pk].responsible != user_id
        return {"gains": dict(+gains), "loses": dict(+loses), "stranded": dict(+stranded)}

    def scopes(self, user_id: int) -> dict[tuple[int, str], tuple[Any, Any]]:
        """The permissions that reach otherwise, on each branch that there was."""
        found = {}
        for branch_id in (0, *self.before.branches):
            for codename in self.before.codenames:
                pair = tuple(side.scope(user_id, branch_id, codename) for side in (self.before, self.after))
                if pair[0] != pair[1]:
                    found[branch_id, codename] = pair
        return found

    def orphans(self) -> dict[str, int]:
        """What somebody saw before, and nobody sees now."""
        found = {}
        for name in TYPES:
            saw = set().union(*(s[name] for user, s in self.before.seen.items() if user not in self.before.operators))
            sees = set().union(*(s[name] for user, s in self.after.seen.items() if user not in self.after.operators))
            if number := len((saw & self.told(name, -1)) - sees):
                found[name] = number
        return found
