"""“Why?”: whether a person has a permission on a record, the reasons, and how to get access."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.explain import Explanation, explain
from apps.access.facts import load_some
from apps.access.mandate import Mandate
from apps.access.matrix import held_cell
from apps.access.records import Record
from apps.pages.api_tokens import for_tokens, has_token
from apps.pages.forms.why import SEES, WhyForm
from apps.pages.views.mending import ways
from apps.pages.views.page import page, show
from apps.roles.catalogue import Target


@for_tokens
@page(SEES)
def why(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """A person, a permission and a record or a branch, and the answer with its reasons, as a page or as JSON."""
    form = WhyForm(request.GET if {"user", "permission"} & set(request.GET) else None, access=access)
    if not form.is_bound:
        form.initial = {"branch": form.places[0].slug if form.places else ""}
    answer = _answer(access, form) if form.is_bound and form.is_valid() else None
    if has_token(request) or request.GET.get("format") == "json":
        return _as_json(form, answer)
    return show(request, access, "pages/why.html", _("Why?"), {"form": form, "answer": answer})


def _as_json(form: WhyForm, answer: dict[str, Any] | None) -> JsonResponse:
    """The answer for a program; 400 with what is wrong, field by field, where there is none."""
    if answer is None:
        errors = form.errors or {name: [_("Enter a value.")] for name in ("user", "permission", "branch")}
        return JsonResponse({"error": _("This question can’t be answered."), "fields": errors}, status=400)
    explanation: Explanation | None = answer.get("explanation")
    values: dict[str, Any] = {
        "user": answer["person"].email,
        "permission": answer["permission"].codename,
        "branch": answer["place"].slug,
        "reach": answer["cell"].scope.label,
    }
    if explanation is not None:
        target = answer["target"]
        values["on"] = target.reference if isinstance(target, Record) else str(target)
        values |= explanation.as_json
    return JsonResponse(values)


def _answer(access: AccessContext, form: WhyForm) -> dict[str, Any]:
    """Return the page's answer: scope, verdict with reasons, and how to get access."""
    assert access.account is not None
    assert access.mandate is not None
    person, permission, place = form.person, form.asked, form.place
    mandate = Mandate(load_some(access.mandate.facts.account, {person.pk}, teams=True)[person.pk], timezone.now())
    target = form.target
    values: dict[str, Any] = {
        "person": person,
        "permission": permission,
        "place": place,
        "target": target,
        "cell": held_cell(mandate, permission, place),
    }
    if target is not None:
        told = _explained(access, form, mandate)
        values |= {"explanation": told, "ways": ways(access, person, permission, target, told, mandate)}
    if isinstance(target, Record) and access.may("view_access_history", target):
        values["record"] = reverse("pages:record", args=[access.account.slug, target.record_type, target.reference])
    if access.may("manage_member_permissions", place) and person.pk != access.user.pk:
        values["change"] = reverse("pages:member-permissions", args=[access.account.slug, person.pk, place.slug])
    return values


def _explained(access: AccessContext, form: WhyForm, mandate: Mandate) -> Explanation:
    """The answer with its reasons. Of the account, only those on branches where the asker sees what members may.

    What is asked of the account is given by any branch; one out of the asker's sight is not named.
    """
    codename, target = form.asked.codename, form.target
    assert target is not None
    if form.asked.target is not Target.ACCOUNT:
        return explain(form.person, codename, target, people=access.people, mandate=mandate)
    seen = {place.pk for place in form.places}
    memberships = {branch_id: held for branch_id, held in mandate.facts.memberships.items() if branch_id in seen}
    in_sight = Mandate(replace(mandate.facts, memberships=memberships), mandate.now)
    told = explain(form.person, codename, target, people=access.people, mandate=in_sight)
    if told.allowed or not mandate.allows(codename, None):
        return told
    return Explanation(True, [*told.reasons, _("Something you can’t see grants it.")])
