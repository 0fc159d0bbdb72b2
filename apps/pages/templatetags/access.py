"""Template tags for permissions on a record, and for buttons that are disabled with a reason.

Templates show and disable; the views decide again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.access.errors import read_only
from apps.access.history.log_access import limit_of, reader_of
from apps.access.records import Record
from apps.accounts.models import User
from apps.changes.previews.values import counts_in_words
from apps.changes.seat_availability import seat_availabilities_of
from apps.pages.access_requests import missing as lacking
from apps.pages.forms.overrides import label_of

register = template.Library()
# Of so many places the seats are told: those with the fewest left.
ROOMS = 4


@register.filter
def permission_label(codename: str) -> str:
    """Return the label of a permission."""
    return label_of(codename)


@register.filter
def records_told(counts: Mapping[str, int]) -> str:
    """Numbers of records by type, in words."""
    return counts_in_words(counts)


@register.simple_tag(takes_context=True)
def missing(context: template.Context, verb: str, record: Record) -> str:
    """An empty text where the user may do it to the record; else the sentence that says what is missing."""
    access = access_of(context["request"])
    codename = verb if "_" in verb else f"{verb}_{record.record_type}"
    return "" if access.may(codename, record) else lacking(access, codename, record)


@register.simple_tag(takes_context=True)
def missing_anywhere(context: template.Context, codename: str) -> str:
    """An empty text where the user may do it somewhere in the account; else what is missing."""
    access = access_of(context["request"])
    return "" if access.may_anywhere(codename) else lacking(access, codename)


@register.simple_tag(takes_context=True)
def missing_on_branch(context: template.Context, codename: str, record: Record) -> str:
    """An empty text where the user may do it on the record's branch; else what is missing."""
    access = access_of(context["request"])
    return "" if access.may(codename, record.branch) else lacking(access, codename, record.branch)


@register.inclusion_tag("access/read_only_banner.html", takes_context=True)
def read_only_banner(context: template.Context) -> dict[str, Any]:
    """On every page of an account that is read-only: what holds, what to do about it, and who may."""
    request = context.get("request")
    if request is None or not isinstance(request.user, User) or request.user.current_account is None:
        return {}
    access = access_of(request)
    account = access.account
    if account is None or not account.read_only:
        return {}
    manages = access.may("manage_subscription", account)
    return {
        "says": read_only(account),
        "account": account,
        "sees": access.may_anywhere("view_billing"),
        "manages": manages,
        "people": [] if manages else access.who_may("manage_subscription", account)[:3],
    }


@register.inclusion_tag("pages/seats.html", takes_context=True)
def seats_left(context: template.Context, *, priced: bool = False) -> dict[str, Any]:
    """How many seats there are left, what more would cost (`priced`), and the way to them for who may take it."""
    access = access_of(context["request"])
    rooms = seat_availabilities_of(access, priced=priced)[:ROOMS]
    costs = {room.more for room in rooms}
    manages = bool(rooms) and access.account is not None and access.may("manage_subscription", access.account)
    # What one more costs is said once where it is the same everywhere.
    shared = costs.pop() if len(costs) == 1 else ""
    return {"rooms": rooms, "shared": shared, "manages": manages, "account": access.account}


@register.inclusion_tag("pages/log/limit.html", takes_context=True)
def log_limit(context: template.Context) -> dict[str, Any]:
    """Return how far back the plan shows the log, where more is kept."""
    access = access_of(context["request"])
    return {"limit": limit_of(access, reader_of(context["request"])), "account": access.account}


@register.simple_tag
def disabled_button(label: str, reason: str, icon: str = "", name: str = "", css: str = "") -> SafeString:
    """A button that says why it cannot be used: focusable, with the reason as its title and description.

    Beside it is the way to ask for what is missing, where the reason knows one.
    """
    key = slugify(name or label)
    symbol: Any = (
        format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', icon) if icon else ""
    )
    button = format_html(
        '<span class="m-disabled {css}" role="button" tabindex="0" aria-disabled="true" title="{reason}"'
        ' aria-describedby="why-{key}">{symbol}{label}<span class="m-why" id="why-{key}" role="tooltip">{reason}</span>'
        "</span>",
        css=css,
        reason=reason,
        key=key,
        symbol=symbol,
        label=label,
    )
    asking = getattr(reason, "asking", "")
    if not asking:
        return button
    return format_html(
        '{}<a class="m-ask" href="{}" title="{}"><span class="material-symbols-outlined" aria-hidden="true">waving_hand'
        '</span><span class="m-ask-words">{}<span class="m-hidden">: {}</span></span></a>',
        button,
        asking,
        _("Request access"),
        _("Request access"),
        label,
    )
