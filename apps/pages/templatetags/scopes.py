"""Scopes on the pages: a coloured badge with a word or a letter."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.roles.schemes import Grant
from apps.roles.scopes import IF_CREATOR, IF_RESPONSIBLE, IN_GROUP, Scope

register = template.Library()

LETTERS = {Scope.NONE: "–", IF_CREATOR: "C", IF_RESPONSIBLE: "R", IN_GROUP: "G", Scope.ALL: "P"}


def colour(scope: Scope) -> str:
    """The name of the colour that a scope has: none, some, team or all."""
    if scope & Scope.ALL:
        return "all"
    return "team" if scope & Scope.TEAM else "some" if scope else "none"


@register.simple_tag
def scope_badge(scope: Scope) -> SafeString:
    """The scope by its word."""
    return format_html('<span class="m-scope m-scope-{}">{}</span>', colour(scope), scope.label)


@register.simple_tag
def grant_badge(grant: Grant) -> SafeString:
    """Show the grant of a role: a letter and its word; `x` for never grantable."""
    letter = scope_letter(grant.scope) if grant.grantable else "x"
    word = grant.scope.label if grant.grantable else _("Never grantable")
    return format_html(
        '<span class="m-scope m-scope-{}"><b aria-hidden="true">{}</b> {}</span>', colour(grant.scope), letter, word
    )


@register.simple_tag
def scope_mark(scope: Scope) -> SafeString:
    """The scope by its letter, for a cell that says the word elsewhere."""
    return format_html('<span class="m-scope m-scope-{}">{}</span>', colour(scope), scope_letter(scope))


def scope_letter(scope: Scope) -> str:
    """The scope by a letter, as the published tables have it; a set without a name of its own by several."""
    if scope in LETTERS:
        return LETTERS[scope]
    return "".join(name[0].upper() for name in scope.names)
