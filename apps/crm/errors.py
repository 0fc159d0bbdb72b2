"""Errors of changes of records. Each is one sentence for the person; none reveals what they may not see."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from apps.access.records import Record


class CrmError(Exception):
    """A change that is refused. `field` names the form field that it is about, where it is about one."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class NoSuchRecord(CrmError, LookupError):
    """The record is gone, or the actor may not view it: to them these are the same."""

    def __init__(self) -> None:
        super().__init__(_("That record doesn't exist."))


class NoSuchLink(CrmError):
    """The linked record doesn't exist in this account, or the actor can't see it: both read the same."""

    def __init__(self, field: str, label: str) -> None:
        super().__init__(_("That %(label)s doesn’t exist. Choose one from the list.") % {"label": label}, field)


class InvalidSubject(CrmError):
    """An activity is about exactly one record, a task about one at most, of its own branch."""


class NotACall(CrmError):
    """Only a call has a result."""

    def __init__(self) -> None:
        super().__init__(_("Only calls have a result. Set the kind to “Call”, or clear the result."), "result")


class NotAMember(CrmError):
    """Only an active member of a record's branch can become its responsible. Who else there is, it does not say."""

    def __init__(self, branch: str) -> None:
        super().__init__(
            _("Choose an active member of %(branch)s as owner.") % {"branch": branch},
            "responsible",
        )


class WrongBranch(CrmError):
    """The record cannot be on that branch."""


class PrivacyRefused(CrmError):
    """The change breaks the rules of private contacts."""


class DuplicatesFound(CrmError):
    """The new record looks like others that the actor may see; they are in `doubles`."""

    def __init__(self, doubles: Sequence[Record]) -> None:
        names = ", ".join(f"{double} ({double.reference})" for double in doubles)
        super().__init__(_("Possible duplicate of %(names)s. Save again to keep both.") % {"names": names})
        self.doubles = doubles


class EntryInUse(CrmError):
    """A status, a source or a result that a record has is not deleted, nor a pipeline that has statuses."""

    def __init__(self, name: str) -> None:
        super().__init__(_("%(name)s is in use. Stop offering it instead, or empty it first.") % {"name": name})


class LastPipeline(CrmError):
    """The only pipeline that is offered stays."""

    def __init__(self, name: str) -> None:
        super().__init__(_("%(name)s is the only pipeline offered. Offer another one first.") % {"name": name})


class KindInUse(CrmError):
    """The kind of a custom field can't change while a record has a value."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("%(name)s is in use, so you can’t change its type. Add another field instead.") % {"name": name}, "kind"
        )
