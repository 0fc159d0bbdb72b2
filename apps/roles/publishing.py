"""Writes the schemes' published roles into the database after each migrate. Nothing else may touch them."""

from __future__ import annotations

from django.apps import apps
from django.db import connections, transaction
from django.db.models.signals import post_migrate

from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import RoleDefinition, scheme, scheme_keys

_ATTRIBUTES = ("name", "description", "kind", "rank", "single", "locked", "supreme")


def publish_schemes(*, using: str = "default", **kwargs: object) -> int:
    """Bring the rows of the published roles in line with the data files, in one transaction.

    Returns:
        How many roles were written or rewritten; 0 when the rows said the same already.
    """
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT set_config('mandate.publishing', 'on', true)")
        written = sum(_publish_role(using, key, role) for key in scheme_keys() for role in scheme(key).roles.values())
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT set_config('mandate.publishing', '', true)")
    return written


def _publish_role(using: str, scheme_key: str, definition: RoleDefinition) -> bool:
    wanted = {attribute: getattr(definition, attribute) for attribute in _ATTRIBUTES}
    role, created = Role.objects.using(using).get_or_create(
        scheme=scheme_key, key=definition.key, account_id=None, defaults=wanted
    )
    changed = created or any(getattr(role, attribute) != value for attribute, value in wanted.items())
    if changed and not created:
        Role.objects.using(using).filter(pk=role.pk).update(**wanted)
    grants = {(codename, grant.scope, grant.grantable) for codename, grant in definition.grants.items()}
    present = set(RoleGrant.objects.using(using).filter(role=role).values_list("permission", "scope", "grantable"))
    if grants == present:
        return changed
    stale = [codename for codename, _, _ in present - grants]
    RoleGrant.objects.using(using).filter(role=role, permission__in=stale).delete()
    RoleGrant.objects.using(using).bulk_create(
        RoleGrant(role=role, permission=codename, scope=scope, grantable=grantable)
        for codename, scope, grantable in sorted(grants - present)
    )
    return True


post_migrate.connect(publish_schemes, sender=apps.get_app_config("roles"), dispatch_uid="roles.publish_schemes")
