"""The base form of a change of access: fields, a reason, and the state of the row that the page showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core import signing
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.access.context import AccessContext
from apps.access.errors import MissingPermission
from apps.access.history.entry_text import value_in_words
from apps.access.records import place_of
from apps.audit.forms import ReasonField
from apps.changes.base import Change
from apps.changes.refusals import ChangedMeanwhile, NoSuchTarget
from apps.pages.forms.picker import PersonField
from apps.roles import catalogue

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SALT = "apps.access.seen"
OURS = {"csrfmiddlewaretoken", "confirmed"}


class ChangeForm(forms.Form):
    """The form for a change of access. Subclasses add fields, and say what change they make of them.

    `columns` are those of the row that the page shows and the change would overwrite. They travel with the form,
    signed, so that an outdated form is refused and shows the differences. `needs` are the
    permissions that it takes, on the row's branch or anywhere in the account.
    """

    title: ClassVar[StrOrPromise] = ""
    danger: ClassVar[bool] = False
    help: StrOrPromise = ""
    columns: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    # Whether the preview leaves out what stays as it was.
    brief: ClassVar[bool] = False

    reason = ReasonField(
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Shown in the audit log."),
        error_messages={"required": _("Enter a reason for this change.")},
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, access: AccessContext, row: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.access = access
        self.row = row
        self.account_id = access.account_id
        self.build()
        self.fields["seen"].initial = self._signed()
        self.order_fields([name for name in self.fields if name not in {"reason", "seen"}] + ["reason", "seen"])
        # What changed in the meantime: label, value on the page, current value.
        self.differences: list[tuple[str, str, str]] = []

    def build(self) -> None:
        """Add the fields that depend on the row and on the person."""

    def change(self) -> Change:
        """The change that the form asks for; called with valid data.

        Raises:
            Refusal: it cannot be said.
        """
        raise NotImplementedError

    def shown(self) -> dict[str, Any]:
        """Return the values of the row that the page shows, as sent with the form."""
        if self.row is None:
            return {}
        fields = columns_of(self.row)
        values = {}
        for name in self.columns:
            value = fields[name].get_prep_value(getattr(self.row, name))
            values[name] = value.isoformat() if hasattr(value, "isoformat") else value
        return values

    def held_back(self, request: HttpRequest) -> str:
        """Return why the change can't be made now; an empty text if it can. Called right before the change."""
        return ""

    def once(self, request: HttpRequest, change: Change) -> dict[str, str] | None:
        """Return what to show once after the change: a title, a text and a link."""
        return None

    def asked(self) -> list[tuple[str, str]]:
        """Return the filled-in fields as label and text, for the preview."""
        items = []
        for field in self.visible_fields():
            if field.name == "reason" or (self.brief and field.name not in self.changed_data):
                continue
            value = self.cleaned_data.get(field.name)
            sent = value if isinstance(field.field, PersonField) else field.value()
            labels = _labels(getattr(field.field, "choices", ()))
            several = sent if isinstance(sent, list | tuple) else [sent]
            chosen = [labels.get(str(one), str(one)) for one in several if one not in (None, "")]
            words = value_in_words(models.DateTimeField(), value) if hasattr(value, "hour") else ", ".join(chosen)
            if words:
                items.append((str(field.label), words))
        return items

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        """Whether such a change makes sense for the row in its current state."""
        return True

    @classmethod
    def barred(cls, access: AccessContext, row: Any) -> str:
        """Return why this person can't make the change whatever their permissions; an empty text if they can."""
        return ""

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> tuple[str, models.Model | None] | None:
        """The first permission that is missing, and where (nowhere in particular: the account)."""
        place = place_of(row)
        for codename in cls.needs:
            target = place if catalogue.get(codename).target is catalogue.Target.BRANCH else None
            if not (access.may_anywhere(codename) if target is None else access.may(codename, target)):
                return codename, target
        return None

    def require(self) -> None:
        """Let only those see the form who may do what it is for.

        Raises:
            MissingPermission: the permission that is missing, and where.
        """
        lacking = self.lacking(self.access, self.row)
        if lacking is not None:
            codename, target = lacking
            raise MissingPermission(codename, target or self.access.account or self.access.user)

    @property
    def seen_there(self) -> dict[str, Any]:
        """Return the values of this row that the page showed.

        Raises:
            NoSuchTarget: it was tampered with, or it is of another row.
        """
        try:
            result = signing.loads(self.cleaned_data["seen"], salt=SALT)
        except signing.BadSignature:
            result = {}
        if result.get("row") != self._named():
            raise NoSuchTarget(gettext("This form is out of date."), gettext("Reload the page."))
        shown: dict[str, Any] = result["shown"]
        return shown

    @property
    def seen_values(self) -> dict[str, Any]:
        """Return the shown values of the row's columns."""
        fields = columns_of(self.row)
        return {name: fields[name].to_python(value) for name, value in self.seen_there.items() if name in fields}

    def refused(self, told: str) -> None:
        """Show why the change was refused."""
        self.add_error(None, told)

    def overtaken(self, refusal: ChangedMeanwhile) -> None:
        """Show the differences, so that the person decides on the current state."""
        fields = columns_of(self.row) if self.row is not None else {}
        for name, (seen, now) in refusal.differences.items():
            field = fields.get(name)
            label = str(field.verbose_name) if field is not None else name.replace("_", " ")
            self.differences.append((label.capitalize(), _shown(field, seen), _shown(field, now)))
        self.data = self.data.copy()  # type: ignore[attr-defined]
        self.data["seen"] = self._signed()  # type: ignore[index]

    def _named(self) -> str:
        return "" if self.row is None else f"{self.row._meta.label_lower} {self.row.pk}"

    def _signed(self) -> str:
        return signing.dumps({"row": self._named(), "shown": self.shown()}, salt=SALT)


def columns_of(row: models.Model) -> dict[str, models.Field[Any, Any]]:
    """The columns of a row's table, by name."""
    return {field.attname: field for field in row._meta.concrete_fields}


def _labels(choices: Any) -> dict[str, str]:
    """The labels of a field's choices, those in groups too."""
    values: dict[str, str] = {}
    for value, label in choices:
        values |= _labels(label) if isinstance(label, list | tuple) else {str(value): str(label)}
    return values


def _shown(field: Any, value: Any) -> str:
    if isinstance(field, models.ForeignKey) and value is not None:
        return str(field.related_model._default_manager.filter(pk=value).first() or value)
    return value_in_words(field, value) or gettext("empty")
