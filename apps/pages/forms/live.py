"""The live preview of a change, before there is a reason."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.changes.preview import preview
from apps.changes.previews.queued import concerns_many
from apps.changes.refusals import ChangedMeanwhile, ManyRefused, Refusal
from apps.pages.forms.base import ChangeForm


def effect(form: ChangeForm) -> dict[str, Any]:
    """What the change would do, as a part of a page shows it: `preview`, or what is in the way, `refused`.

    Of a change that concerns `many`, which the queue previews once it is asked for, nothing but that.

    Raises:
        MissingPermission: the person may not.
    """
    form.require()
    form.fields["reason"].required = False
    if not form.is_valid():
        problems = [str(sentence) for sentences in form.errors.values() for sentence in sentences]
        return {"form": form, "refused": " ".join(problems)}
    try:
        change, actor = form.change(), form.access.user
        if concerns_many(change, actor=actor):
            return {"form": form, "many": True}
        return {"form": form, "preview": preview(change, actor=actor)}
    except ChangedMeanwhile as refusal:
        return {
            "form": form,
            "refused": f"{refusal.sentence} {_('Save to see the differences, then decide again.')}",
        }
    except (Refusal, ManyRefused) as refusal:
        return {"form": form, "refused": str(refusal)}
