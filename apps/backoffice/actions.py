"""Bulk actions: each record needs the permission for the action, and the bulk permission comes on top.

An action that the person may do nowhere is shown disabled, with the missing permission and who can grant it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.contrib.admin import helpers
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import access_of, veil
from apps.access.records import Record
from apps.access.spreadsheets import csv_line
from apps.access.verbs import RECORDS_EXPORTED
from apps.audit.services import EntryValues, record
from apps.backoffice.deletion import summary_of
from apps.pages.access_requests import missing as asking_for
from apps.roles import catalogue

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST = 1000
NAMED = 10


@dataclass(frozen=True, slots=True)
class BulkAction:
    """One action of a list.

    `verb` is asked of each record; `bulk` (asked of each record's branch) allows doing it to many. `run` gets the
    records that may be worked on. `danger` and `icon` affect only how it looks.
    """

    name: str
    label: StrOrPromise
    icon: str
    run: Callable[[Any, HttpRequest, list[Any]], HttpResponse | None]
    verb: str
    bulk: str | None = None
    danger: bool = False

    def codenames(self, record_type: str) -> list[str]:
        """Return the permissions that the action needs, the bulk permission first."""
        verb = self.verb if "_" in self.verb else f"{self.verb}_{record_type}"
        return [*([self.bulk] if self.bulk else []), verb]


@dataclass(frozen=True, slots=True)
class Tool:
    """An action as a list shows it: where `missing` is filled, disabled with that sentence."""

    action: BulkAction
    missing: str = ""


class RecordActions:
    """The actions of `MandateAdmin`."""

    model: type[Record]
    opts: Any
    bulk_actions: ClassVar[Sequence[BulkAction]] = ()
    export_columns: ClassVar[Sequence[str]] = ()
    # What the columns name besides records and people, to be read for all rows at once.
    export_related: ClassVar[Sequence[str]] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Callable[..., Any], str, str]]:
        """Every action, allowed or not: one that is not answers 403 when it is asked for all the same."""
        return {action.name: (self._runner(action), action.name, str(action.label)) for action in self.bulk_actions}

    def tools(self, request: HttpRequest) -> list[Tool]:
        """The actions for the list's toolbar."""
        access = access_of(request)
        record_type = self.model.record_type

        def missing(action: BulkAction) -> str:
            lacking = (c for c in action.codenames(record_type) if not access.may_anywhere(c))
            return next((asking_for(access, codename) for codename in lacking), "")

        return [Tool(action, missing(action)) for action in self.bulk_actions]

    def export_cells(self, request: HttpRequest) -> dict[str, Callable[[Any], Any]]:
        """Return the function that gives each column of an exported record."""
        return {column: attrgetter(column) for column in self.export_columns}

    def _runner(self, action: BulkAction) -> Callable[..., HttpResponse | None]:
        def run(model_admin: RecordActions, request: HttpRequest, selected: Any) -> HttpResponse | None:
            access = access_of(request)
            for codename in action.codenames(self.model.record_type):
                access.require(codename)
            rows = list(selected.select_related("branch", "responsible")[: MOST + 1])
            if len(rows) > MOST:
                messages.error(
                    request, _("You can select %(most)s records at most. Nothing was changed.") % {"most": f"{MOST:,}"}
                )
                return None
            allowed = self._allowed(request, action, rows)
            if not allowed:
                return None
            return action.run(self, request, allowed)

        return run

    def _allowed(self, request: HttpRequest, action: BulkAction, rows: list[Any]) -> list[Any]:
        """The records that the action may touch; the others, all of them visible, are named in a warning."""
        access, record_type = access_of(request), self.model.record_type
        left, told = rows, []
        for codename in action.codenames(record_type):
            permission = catalogue.get(codename)
            if permission.target is catalogue.Target.BRANCH:
                kept = [row for row in left if access.may(codename, row.branch)]
            else:
                ids = access.allowed(codename, record_type, [row.pk for row in left])
                kept = [row for row in left if row.pk in ids]
            refused = [row for row in left if row not in kept]
            if refused:
                told.append(
                    _("You don’t have “%(permission)s” on %(named)s.")
                    % {"permission": permission.label, "named": named(refused)}
                )
            left = kept
        if told:
            messages.warning(
                request,
                _("%(action)s skipped %(number)s of %(every)s records. %(told)s")
                % {"action": action.label, "number": len(rows) - len(left), "every": len(rows), "told": " ".join(told)},
            )
        return left

    def remove_record(self, request: HttpRequest, record: Any) -> None:
        """See `MandateAdmin`."""
        raise NotImplementedError


def delete_selected(model_admin: Any, request: HttpRequest, rows: list[Any]) -> HttpResponse | None:
    """Ask first, naming what goes; then delete each record through its service."""
    veil(access_of(request), rows)
    if request.POST.get("post") == "yes":
        for row in rows:
            model_admin.remove_record(request, row)
        messages.success(request, _("Deleted %(counted)s.") % {"counted": counted(rows)})
        return None
    texts, counts = summary_of(access_of(request), rows)
    context = {
        "deletable_objects": [texts],
        "model_count": counts.items(),
        "queryset": rows,
        "objects_name": model_admin.opts.verbose_name_plural,
        "perms_lacking": [],
        "protected": [],
    }
    return confirmation(model_admin, request, "admin/delete_selected_confirmation.html", _("Delete"), context)


def log_export(request: HttpRequest, rows: Sequence[Record], file: str) -> None:
    """Write into the audit log who took which records along; by reference, so that the log tells no name."""
    changes = [
        EntryValues(target_type=row.record_type, target_id=row.pk, target_text=row.reference, branch_id=row.branch.pk)
        for row in rows
    ]
    with transaction.atomic():
        record(
            verb=RECORDS_EXPORTED,
            actor=request.user,
            reason=f"Taken along as {file} from the list",
            account_id=access_of(request).account_id,
            entries=changes,
        )


def export_selected(model_admin: Any, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """The records as a CSV file, with what the person may see of their links."""
    log_export(request, rows, "CSV")
    veil(access_of(request), rows)
    cells: Mapping[str, Callable[[Any], Any]] = model_admin.export_cells(request)
    prefetch_related_objects(rows, *model_admin.export_related)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = str(model_admin.opts.verbose_name_plural).replace(" ", "-")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.write(csv_line(cells))
    for row in rows:
        response.write(csv_line(read(row) for read in cells.values()))
    return response


def confirmation(
    model_admin: Any, request: HttpRequest, template: str, title: str, context: dict[str, Any]
) -> TemplateResponse:
    """A page between choosing an action and doing it."""
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(
        request,
        template,
        {
            **model_admin.admin_site.each_context(request),
            "title": title,
            "opts": model_admin.opts,
            "media": model_admin.media,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            **context,
        },
    )


def named(rows: Sequence[Record]) -> str:
    """The records by reference, the first few of them."""
    shown = ", ".join(row.reference for row in rows[:NAMED])
    return (
        _("%(shown)s and %(number)s more") % {"shown": shown, "number": len(rows) - NAMED}
        if len(rows) > NAMED
        else shown
    )


def counted(rows: Sequence[Record]) -> str:
    """Return a count in words: `1 lead`, `3 leads`."""
    kind = catalogue.record_type(rows[0].record_type)
    return kind.counted(len(rows)) % {"number": len(rows)}


DELETE_SELECTED = BulkAction(
    "delete_selected", gettext_lazy("Delete"), "delete", delete_selected, "delete", bulk="bulk_delete", danger=True
)
EXPORT_SELECTED = BulkAction("export_selected", gettext_lazy("Export as CSV"), "download", export_selected, "export")
