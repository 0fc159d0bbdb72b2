"""Shares of a record: who has one, and how it is granted, changed and revoked."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access import shares
from apps.access.context import access_of
from apps.access.errors import MissingPermission
from apps.backoffice.changing import changing
from apps.pages.access_requests import missing as lacking
from apps.pages.forms.sharing import (
    FORMS,
    LOOKS,
    ShareHolder,
    holders_of,
)


class SharePage:
    """The page of a record's shares."""

    template: ClassVar[str] = "admin/access/shares.html"

    def __init__(self, admin: Any, request: HttpRequest, record: Any) -> None:
        self.admin = admin
        self.request = request
        self.record = record
        self.access = access_of(request)
        self.address = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_share", args=[record.pk])

    def answer(self) -> HttpResponse:
        """The shares that stand, or (with `do`) the form of a change.

        Raises:
            MissingPermission: the person may neither see nor change who has a share.
            Http404: records like it have none, or no share has that holder.
        """
        if shares.tables(self.record.record_type) is None:
            raise Http404
        if not any(self.access.may(codename, self.record) for codename in LOOKS):
            raise MissingPermission(LOOKS[0], self.record)
        name = self.request.GET.get("do")
        if name is None:
            return self._list()
        if name not in FORMS:
            raise Http404
        holder = None if name == "grant" else self._holder()
        data = self.request.POST if self.request.method == "POST" else None
        form = FORMS[name](data, access=self.access, row=self.record, holder=holder)
        subject = f"{form.title}: {self.record} ({self.record.reference})"
        return changing(
            self.request,
            form,
            back=self.address,
            opts=self.admin.opts,
            site=self.admin.admin_site,
            subject=f"{subject}, {holder.name}" if holder else subject,
        )

    def _holder(self) -> ShareHolder:
        wanted = {f"{kind}={self.request.GET.get(kind)}" for kind in ("user", "team") if kind in self.request.GET}
        for holder in holders_of(self.record):
            if wanted == {holder.named}:
                return holder
        raise Http404

    def _list(self) -> TemplateResponse:
        missing = {
            name: ""
            if self.access.may(form.needs[0], self.record)
            else lacking(self.access, form.needs[0], self.record)
            for name, form in FORMS.items()
        }
        self.request.current_app = self.admin.admin_site.name
        context = {
            **self.admin.admin_site.each_context(self.request),
            "title": _("Shares"),
            "opts": self.admin.opts,
            "original": self.record,
            "holders": holders_of(self.record),
            "missing_for": missing,
            "private": self.record.private,
        }
        return TemplateResponse(self.request, self.template, context)


def share_page(admin: Any, request: HttpRequest, record: Any) -> HttpResponse:
    """See `SharePage`."""
    return SharePage(admin, request, record).answer()
