"""An operation of the log is undone."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.changes.base import Change
from apps.changes.undo import Undo
from apps.pages.forms.base import ChangeForm


class UndoForm(ChangeForm):
    """Undo a change, if the rows are still as it left them; needs the permissions of the reverse change."""

    title = _("Undo this")
    danger = True
    needs = ("view_audit_log",)
    help = _("Restores what this change affected. Records that were moved stay where they are.")

    def change(self) -> Change:
        return Undo(account_id=self.account_id, operation_id=self.row.pk)
