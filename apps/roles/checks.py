"""System checks of the schemes' data and the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from apps.roles import catalogue
from apps.roles.schemes import DATA, Scheme, SchemeError, read_scheme
from apps.roles.scopes import Scope


@register("roles")
def check_schemes(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """roles.E001: a data file cannot be read. roles.E002: a scheme's roles break a rule of the model."""
    messages: list[CheckMessage] = []
    for path in sorted(DATA.glob("*.toml")):
        try:
            scheme = read_scheme(path)
        except SchemeError as error:
            messages.append(Error(str(error), hint="Correct the data file of the scheme.", id="roles.E001"))
            continue
        messages.extend(
            Error(f"{path.name}: {sentence}", hint="Correct the data file of the scheme.", id="roles.E002")
            for sentence in broken_rules(scheme)
        )
    return messages


@register("roles")
def check_catalogue(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """roles.E003: a permission needs one that the catalogue does not have."""
    known = {permission.codename for permission in catalogue.permissions()}
    return [
        Error(
            f"The permission {permission.full_name} needs {needed}, which no app registers.",
            hint="Register it in that app's permissions.py, or correct the name.",
            id="roles.E003",
        )
        for permission in catalogue.permissions()
        for needed in permission.needs
        if needed not in known
    ]


def broken_rules(scheme: Scheme) -> list[str]:
    """What is wrong with a scheme as a whole, a sentence each; empty when it is sound."""
    sentences = []
    branch_roles = [role for role in scheme.roles.values() if role.kind == "branch"]
    ranks = [role.rank for role in branch_roles]
    if not branch_roles:
        sentences.append("there is no branch role.")
    if len(set(ranks)) != len(ranks):
        sentences.append("two branch roles have the same rank.")
    for kind, key in scheme.founder.items():
        if key not in scheme.roles or scheme.roles[key].kind != kind:
            sentences.append(f"the founder's {kind} role \"{key}\" is not one of the scheme's {kind} roles.")
    for role in scheme.roles.values():
        if role.kind not in ("branch", "parent"):
            sentences.append(f'the role {role.key} has the unknown kind "{role.kind}".')
        if role.supreme and role.kind != "parent":
            sentences.append(f"the role {role.key} is supreme but not a parent role.")
        reaches = {grant.scope for grant in role.grants.values()} - {Scope.NONE, Scope.ALL}
        if role.kind == "parent" and reaches:
            sentences.append(f"the parent role {role.key} has a scope other than none and all.")
    return sentences
