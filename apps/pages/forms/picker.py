"""Fields for one or several people. Few are a plain list; many are searched for, with a script or without one.

Beside what was chosen a form sends the words that were typed. Words that do not fit the choice are a search: the form
comes back with those who match, to choose from. So only people who were shown can be chosen; only a whole address is
taken as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.pages.forms.fields import CHOOSE, QuickSelect
from apps.pages.forms.pool import Person, PickablePeople

LONGEST_WORDS = 200
SCRIPT = "mandate/picker.js"


@dataclass(frozen=True, slots=True)
class PickerValue:
    """The sent value: chosen ids (or fixed answers) and search words."""

    values: tuple[str, ...] = ()
    words: str = ""

    @property
    def value(self) -> str:
        """The one that was chosen; empty where none was."""
        return self.values[0] if self.values else ""


def picked(value: Any) -> PickerValue:
    """A value as a form sent it, or as a page begins with it."""
    if isinstance(value, PickerValue):
        return value
    several = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return PickerValue(tuple(str(getattr(one, "pk", one)) for one in several if one not in (None, "")))


class PeopleWidget(forms.Widget):
    """What the two have in common. `plain` is the list that few people are offered in; the admin has its own."""

    plain: type[forms.Select] = QuickSelect
    template = "access/picker.html"
    several = False

    def __init__(
        self, pool: PickablePeople, fixed: Sequence[tuple[str, str]] = (), attrs: dict[str, Any] | None = None
    ) -> None:
        super().__init__(attrs)
        self.pool = pool
        self.fixed = fixed

    @property
    def media(self) -> forms.Media:
        """The script; and what the plain list brings along."""
        return forms.Media(js=[SCRIPT]) if self.pool.few() is None else self.plain().media

    def use_required_attribute(self, initial: Any) -> bool:
        """A search field may be empty where something has been chosen."""
        return False

    def id_for_label(self, id_: str, index: Any = None) -> str:
        return id_

    def value_from_datadict(self, data: Any, files: Any, name: str) -> PickerValue:
        sent = data.getlist(name) if hasattr(data, "getlist") else picked(data.get(name)).values
        values = tuple(str(one).replace("\0", "") for one in sent if one not in (None, ""))
        words = str(data.get(f"{name}_words") or "").strip()[:LONGEST_WORDS]
        return PickerValue(values if self.several else values[-1:], words)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}_words" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The plain list, or the search."""
        chosen, few = picked(value), self.pool.few()
        built = self.build_attrs(self.attrs, attrs)
        if few is not None:
            choices = [*self.fixed, *_lines(few)]
            shown = list(chosen.values) if self.several else chosen.value
            return self.plain(attrs=built, choices=choices).render(name, shown, renderer=renderer)
        result = self.found(chosen)
        own = [person for person in result if person.value in chosen.values]
        one = result[0] if len(result) == 1 and not own and not self.several else None
        context = {
            "name": name,
            "id": built.get("id", f"id_{name}"),
            "fixed": self.fixed,
            "people": result,
            "chosen": [one.value] if one else list(chosen.values),
            "words": chosen.words,
            "address": self.pool.address,
            "several": self.several,
            "described": built.get("aria-describedby", ""),
            "invalid": built.get("aria-invalid", ""),
            "disabled": bool(built.get("disabled")),
        }
        return render_to_string(self.template, context)

    def found(self, chosen: PickerValue) -> list[Person]:
        """Return who is offered: the chosen people and those who match the words."""
        if self.several:
            own = self.pool.among(ids_of(chosen.values))
        else:
            own = [person for value in chosen.values if (person := self.pool.named(value)) is not None]
        if not chosen.words or any(person.matches(chosen.words) for person in own):
            return own
        matching, _more = self.pool.search(chosen.words)
        return [*(own if self.several else ()), *(person for person in matching if person not in own)]


class ManyPeopleWidget(PeopleWidget):
    """For several."""

    plain = forms.SelectMultiple
    several = True


class PersonField(forms.Field):
    """One person of a pool: their id; or one of the `fixed` answers, as it was sent (None where that is empty)."""

    widget_class: type[PeopleWidget] = PeopleWidget

    def __init__(self, pool: PickablePeople, *, fixed: Sequence[tuple[str, Any]] = (CHOOSE,), **options: Any) -> None:
        self.pool = pool
        self.fixed = [(value, str(label)) for value, label in fixed]
        self.own: dict[str, str] = dict(self.fixed)
        super().__init__(widget=self.widget_class(pool, self.fixed), **options)

    default_error_messages = {"invalid_choice": gettext_lazy("Choose an option from the list.")}

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return the choice as text."""
        return list(self.own.items())

    def clean(self, value: Any) -> Any:
        """Return the person that the form names.

        Raises:
            ValidationError: no match, or more than one.
        """
        chosen = picked(value)
        result = self.found(chosen)
        self.validate(result)
        self.run_validators(result)
        return self.answered(result)

    def found(self, chosen: PickerValue) -> str | None:
        """Return the value as the form has it."""
        value = chosen.value
        if value and value not in self.own:
            person = self.pool.named(value)
            if person is None:
                raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
            self.own[value] = person.name
            if person.matches(chosen.words):
                return value
        elif not chosen.words or chosen.words == self.own.get(value):
            return value or None
        return self.by_words(chosen.words)

    def by_words(self, words: str) -> str:
        """The one of this address; other matches must be chosen from the list."""
        matching, more = self.pool.search(words)
        for person in matching:
            if person.address.casefold() == words.casefold():
                self.own[person.value] = person.name
                return person.value
        raise forms.ValidationError(several_match(words, matching, more), code="search")

    def answered(self, found: str | None) -> Any:
        """The id, or a fixed answer."""
        return int(found) if found is not None and found not in dict(self.fixed) else found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another one is chosen or searched for."""
        if self.disabled:
            return False
        sent = picked(data)
        person = self.pool.named(sent.value) if sent.value else None
        searched = bool(sent.words) and (person is None or not person.matches(sent.words))
        return searched or picked(initial).value != sent.value


class UserField(PersonField):
    """One person of a pool, as the user; None without a choice."""

    def answered(self, found: str | None) -> Any:
        """The user."""
        return None if found is None else self.pool.users_of([int(found)]).get()


class PeopleField(PersonField):
    """Several people of a pool: their ids."""

    widget_class = ManyPeopleWidget

    def __init__(self, pool: PickablePeople, **options: Any) -> None:
        super().__init__(pool, fixed=(), required=False, **options)

    def clean(self, value: Any) -> list[int]:
        """Return the person that the form names.

        Raises:
            ValidationError: one of them cannot be chosen, or words were typed that are no address.
        """
        chosen = picked(value)
        known = {person.value: person.name for person in self.pool.among(ids_of(chosen.values))}
        if set(chosen.values) - known.keys():
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        self.own |= known
        items = list(chosen.values)
        if chosen.words:
            items.append(self.by_words(chosen.words))
        return sorted({int(one) for one in items})


def ids_of(values: Sequence[str]) -> list[int]:
    """Return the values that are ids."""
    return [int(value) for value in values if value.isascii() and value.isdecimal() and len(value) < 19]


def several_match(words: str, matching: Sequence[Person], more: bool) -> str:
    """Return the message above the search results."""
    if not matching:
        return _("No one who matches “%(words)s” can be chosen here. Check the name or email address.") % {
            "words": words
        }
    if len(matching) == 1:
        return _("Do you mean %(who)s? If so, choose them and continue.") % {"who": matching[0].name}
    if more:
        return _("Many people match “%(words)s”. Choose one, or type more of the name.") % {"words": words}
    return _("Several people match “%(words)s”. Choose one.") % {"words": words}


def _lines(people: Sequence[Person]) -> list[tuple[str, str]]:
    """People by name; those of one name by their address, too."""
    names = [person.name for person in people]
    return [
        (each.value, f"{each.name} ({each.address})" if names.count(each.name) > 1 and each.address else each.name)
        for each in people
    ]
