"""Definitions of own roles, taken along as a file and brought in from one."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.orgfiles.forms import ImportRolesForm
from apps.orgfiles.organisation import InvalidOrganisation
from apps.orgfiles.roles import FORMATS, load_roles, written
from apps.pages.api_tokens import for_tokens
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.custom_roles import no_own_roles
from apps.pages.forms.flow import answer, sent_to
from apps.pages.views.page import AccountChangePages, page, show
from apps.roles.models import Role

LARGEST = 512 * 1024
TYPES = {"yaml": "application/yaml", "json": "application/json"}


@for_tokens
@page("view_members")
def export_roles(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The account's own roles as a file, or (`?key=`) one of them; `?format=json` instead of YAML.

    Raises:
        Http404: there is no such role of the account's own, or no such format.
    """
    assert access.account is not None
    form, key = request.GET.get("format", "yaml"), request.GET.get("key")
    own = Role.objects.filter(account_id=access.account_id, scheme=access.account.scheme)
    if form not in FORMATS or (key is not None and ("\0" in key or not own.filter(key=key).exists())):
        raise Http404
    text = written(access.account, form, None if key is None else [key])
    response = HttpResponse(text, content_type=f"{TYPES[form]}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{access.account.slug}-{key or "roles"}.{form}"'
    return response


@page("manage_roles", sends=True)
def import_roles(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """A file is uploaded, held against the roles that there are, and (with a reason) made so."""
    assert access.account is not None
    back = reverse("pages:roles", args=[access.account.slug])
    crumbs = [(back, _("Roles"))]
    if barred := no_own_roles(access):
        return show(request, access, "pages/permissions/barred.html", _("Import"), {"barred": barred, "crumbs": crumbs})
    problems: list[str] = []
    sent = sent_to(request, access) or QueryDict()
    text, name = _text(request, sent, problems)
    if text and not problems:
        file = BytesIO(text.encode())
        file.name = name
        try:
            lines = load_roles(file, access.account.role_system)
        except InvalidOrganisation as refused:
            problems = refused.lines
        else:
            form = ImportRolesForm(sent if "text" in sent else None, access=access, lines=lines, text=text)
            return answer(request, form, ImportPages(request, access, crumbs=crumbs), back=back, subject=_("Roles"))
    context = {"problems": problems, "crumbs": crumbs, "back": back}
    return show(request, access, "pages/roles/upload.html", _("Import roles"), context)


class ImportPages(AccountChangePages):
    """The page that shows the difference before it asks for the reason."""

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The difference, or the preview."""
        if page != "change":
            return super().show(page, form, context)
        context |= {"crumbs": self.crumbs}
        return show(self.request, self.access, "pages/roles/import.html", context["subject"], context)


def _text(request: HttpRequest, sent: QueryDict, problems: list[str]) -> tuple[str, str]:
    """The uploaded file's text and name, or what the page of the difference sent back; what is wrong is a problem."""
    if "text" in sent:
        return str(sent["text"]), ""
    if request.method != "POST":
        return "", ""
    file = request.FILES.get("file")
    if file is None or not file.size:
        problems.append(_("Choose a file with roles first."))
        return "", ""
    if file.size > LARGEST:
        problems.append(_("The file is larger than 512 KiB. Choose a smaller file."))
        return "", ""
    try:
        return file.read().decode("utf-8-sig"), file.name or ""
    except UnicodeDecodeError:
        problems.append(_("The file is not UTF-8 text. Save it as UTF-8 and try again."))
        return "", ""
