"""A person's permissions on a record with reasons, and who else has access, for people who may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.access.explain import Explanation, explain
from apps.access.records import Record
from apps.access.shield import shielded
from apps.pages.forms.sharing import LOOKS
from apps.roles import catalogue
from apps.roles.catalogue import Permission

SEES = "view_access_history"
VERBS = ("view", "change", "delete", "export", "merge")


@dataclass(frozen=True, slots=True)
class PermissionLine:
    """One permission on the record, with the explanation of its answer."""

    permission: Permission
    explanation: Explanation


def rights_page(admin: Any, request: HttpRequest, record: Record) -> TemplateResponse:
    """The page that answers "why may I?" for each right on the record, and "who can see this?".

    `?fix=<codename>` adds the smallest changes for one right that is missing; looking for all of them would be slow.
    """
    access = access_of(request)
    stored = type(record)._default_manager.select_related("branch", "responsible", "account").get(pk=record.pk)
    kinds = catalogue.record_type(record.record_type)
    codenames = [f"{verb}_{record.record_type}" for verb in VERBS if verb in kinds.verbs] + ["assign_record"]
    may_know = access.may(SEES, stored)
    viewers = access.who_may(f"view_{record.record_type}", stored) if may_know else []
    changers = {person.pk for person in access.who_may(f"change_{record.record_type}", stored)} if may_know else set()
    request.current_app = admin.admin_site.name
    return TemplateResponse(
        request,
        "admin/crm/rights.html",
        {
            **admin.admin_site.each_context(request),
            "title": _("Rights on %(record)s") % {"record": record},
            "opts": admin.opts,
            "original": record,
            "rights": [
                PermissionLine(
                    catalogue.get(name), explain(access.user, name, stored, fixes=name == request.GET.get("fix"))
                )
                for name in codenames
            ],
            "fix": request.GET.get("fix"),
            "may_know": may_know,
            "may_share": kinds.shareable and any(access.may(name, stored) for name in LOOKS),
            "missing": catalogue.get(SEES),
            "shielded": shielded(access),
            "people": [(person, person.pk in changers) for person in viewers],
        },
    )
