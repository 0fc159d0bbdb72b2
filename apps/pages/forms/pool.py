"""People who can be chosen in a form: searched by name or address, since there may be thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet
from django.urls import reverse

from apps.access.context import AccessContext
from apps.access.shield import shielded
from apps.accounts.models import User
from apps.teams.models import Membership

# As many are offered in a plain list; of more, as many as this are shown of those who match.
FEW, SHOWN = 100, 20
MOST_WORDS, LONGEST_ID = 8, 18
SEES = "view_members"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """A person who can be chosen. The address is empty where the reader may not see it."""

    pk: int
    name: str
    address: str

    @property
    def value(self) -> str:
        """The id, as a form sends it."""
        return str(self.pk)

    def matches(self, words: str) -> bool:
        """Whether all of these words are in the name or the address."""
        text = f"{self.name} {self.address}".casefold()
        return all(word in text for word in words.casefold().split())


@dataclass(frozen=True)
class PickablePeople:
    """The active members of visible branches: of any of them or (`every`) of each, of all unless `on` names
    some. Without those in `but`, and with those in `also`, who may be kept though they would not be chosen.
    """

    access: AccessContext
    on: frozenset[int] | None = None
    every: bool = False
    but: frozenset[int] = field(default_factory=frozenset)
    also: frozenset[int] = field(default_factory=frozenset)

    def users(self) -> QuerySet[User]:
        """All of them."""
        places = {branch.pk for branch in self.access.branches}
        wanted = places if self.on is None else places & self.on
        members = Membership.objects.active().filter(branch__in=sorted(wanted)).values("user")
        if self.every and self.on is not None:
            members = members.annotate(many=Count("branch")).filter(many=len(self.on)).values("user")
        matching = User.objects.filter(pk__in=members, is_active=True)
        return matching.exclude(pk__in=self.but) if self.but else matching

    def few(self) -> list[Person] | None:
        """All of them by name, where they are few enough for a plain list; None where they are not."""
        return self._once("few", self._few)

    def search(self, words: str) -> tuple[list[Person], bool]:
        """Return the people whose name or visible address has all of the words, and whether there are more."""
        rows = self.users()
        for word in words.replace("\0", " ").split()[:MOST_WORDS]:
            by_address = Q(email__icontains=word) & (Q(name="") | self._addressed())
            rows = rows.filter(Q(name__icontains=word) | by_address)
        matching = self._people(rows.order_by("name", "email")[: SHOWN + 1])
        return matching[:SHOWN], len(matching) > SHOWN

    def named(self, value: str) -> Person | None:
        """The one of that id, if they can be chosen."""
        if not value.isascii() or not value.isdecimal() or len(value) > LONGEST_ID:
            return None
        known = {person.pk: person for person in self.few() or ()}
        if int(value) in known:
            return known[int(value)]
        return self._once(f"named {value}", lambda: next(iter(self.among([int(value)])), None))

    def among(self, ids: Iterable[int]) -> list[Person]:
        """Return the people of these ids who can be chosen, by name."""
        return self._people(self.users_of(ids).order_by("name", "email"))

    def users_of(self, ids: Iterable[int]) -> QuerySet[User]:
        """The same, as users."""
        wanted = set(ids)
        matching = self.users().filter(pk__in=wanted)
        return matching | User.objects.filter(pk__in=wanted & self.also) if wanted & self.also else matching

    @property
    def address(self) -> str:
        """Return the address of the search."""
        assert self.access.account is not None
        asked = {"on": _listed(self.on)} if self.on is not None else {}
        asked |= {"every": "yes"} if self.every else {}
        asked |= {"but": _listed(self.but)} if self.but else {}
        return f"{reverse('pages:people', args=[self.access.account.slug])}?{urlencode(asked)}"

    def _few(self) -> list[Person] | None:
        if self.access.account is None:
            return []
        result = self._people(self.users()[: FEW + 1])
        if len(result) > FEW:
            return None
        known = {person.pk for person in result}
        result += self._people(User.objects.filter(pk__in=self.also - known)) if self.also - known else []
        return sorted(result, key=lambda person: (person.name.casefold(), person.pk))

    def _people(self, rows: QuerySet[User]) -> list[Person]:
        told = rows.annotate(told=ExpressionWrapper(self._addressed(), output_field=BooleanField()))
        return [
            Person(pk, name or email, email if told and name else "")
            for pk, name, email, told in told.values_list("pk", "name", "email", "told")
        ]

    def _addressed(self) -> Q:
        """Return the condition for readable addresses: members of visible branches, except shielded ones."""
        places = [branch.pk for branch in self.access.branches_where(SEES)]
        there = Membership.objects.active().filter(branch__in=places)
        return Q(pk__in=there.values("user")) & ~Q(pk__in=shielded(self.access))

    def _once(self, name: str, find: Callable[[], T]) -> T:
        key = f"{name} of {self.on} {self.every} {sorted(self.but)} {sorted(self.also)}"
        return self.access.once(key, find)


def _listed(ids: Iterable[int]) -> str:
    return ",".join(str(pk) for pk in sorted(ids))
