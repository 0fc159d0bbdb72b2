"""Ways to mend a "no": beside each change that would make it a "yes", the page where the reader can make it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.explain import Explanation
from apps.access.fixes import Fix, responsible_would_help, team_would_help
from apps.access.mandate import Mandate
from apps.access.reasons import tooltip
from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.pages.access_requests import asking_address
from apps.pages.forms.fields import word_of
from apps.pages.forms.parent_roles import ChangeParentForm, GrantParentForm, ParentForm
from apps.pages.views.acts import PageAction, address
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.teams.models import Team


@dataclass(frozen=True, slots=True)
class FixLink:
    """A sufficient change in a sentence, and where it is made; None where no page of the account can make it."""

    sentence: str
    act: PageAction | None = None


def ways(
    access: AccessContext,
    person: User,
    permission: Permission,
    target: models.Model,
    told: Explanation,
    mandate: Mandate,
) -> list[FixLink]:
    """The changes that the explanation names, and what the reader could do with the record itself.

    For oneself there is one way only: requesting it.
    """
    if told.allowed:
        return []
    if person.pk == access.user.pk:
        asking = asking_address(access, permission.codename, target)
        own = PageAction(_("Request access"), asking, "waving_hand") if asking else None
        asked = [FixLink(_("Request it. A person who can grant it decides."), own)] if own is not None else []
        return asked + [FixLink(fix.with_people) for fix in told.fixes]
    items = [FixLink(fix.with_people, _act(access, person, fix)) for fix in told.fixes]
    if isinstance(target, Record) and items:
        items[1:1] = _with_record(access, person, permission, target, mandate)
    return items


def _act(access: AccessContext, person: User, fix: Fix) -> PageAction | None:
    """Return the act that makes the change; disabled if the reader may not make it."""
    match fix.kind:
        case "share" if fix.subject is not None:
            return _share(access, person, fix, fix.subject)
        case "plan" | "payment":
            assert access.account is not None
            to = reverse("billing:overview", args=[access.account.slug])
            return _judged(access, "manage_subscription", None, PageAction(_("Billing"), to, "credit_card"))
        case "override" if fix.branch is not None:
            to = address(access, "member-permissions", person.pk, fix.branch.slug)
            first = catalogue.get(next(iter(fix.gives)))
            chosen = {"tab": first.category} | {name: word_of(scope) for name, scope in fix.gives.items()}
            act = PageAction(_("Update permissions"), f"{to}?{urlencode(chosen)}#for-{first.codename}", "tune")
            return _judged(access, "manage_member_permissions", fix.branch, act, fix)
        case "role" if fix.branch is not None:
            to = f"{address(access, 'member-role', person.pk, fix.branch.slug)}?role={fix.role}"
            return _judged(access, "change_roles", fix.branch, PageAction(_("Change role"), to, "switch_account"), fix)
        case "restore" if fix.branch is not None:
            to = address(access, "member-restore", person.pk, fix.branch.slug)
            return _judged(
                access, "remove_members", fix.branch, PageAction(_("Restore"), to, "settings_backup_restore"), fix
            )
        case "membership" if fix.branch is not None:
            chosen = {"user": str(person.pk), "branch": str(fix.branch.pk), "role": str(fix.role)}
            act = PageAction(_("Add to branch"), f"{address(access, 'member-add')}?{urlencode(chosen)}", "domain_add")
            return _judged(access, "add_to_branches", None, act)
        case "parent_role":
            return _parent_role(access, person, fix)
    return None


def _share(access: AccessContext, person: User, fix: Fix, subject: Record) -> PageAction | None:
    """The form of the share, filled in; None for a record that the reader does not see."""
    if not access.may(f"view_{subject.record_type}", subject):
        return None
    verbs = [codename.partition("_")[0] for codename in fix.gives]
    chosen = urlencode({"do": "grant", "who": person.pk, "verbs": verbs}, doseq=True)
    to = f"{address(access, 'record', subject.record_type, subject.reference)}?{chosen}"
    act = PageAction(_("Share"), to, "share")
    lacking = next(
        (name for name in ("view_access_history", "grant_record_access") if not access.may(name, subject)), ""
    )
    return _lacking(access, lacking, subject.branch, act) if lacking else _within_reach(access, fix, act)


def _parent_role(access: AccessContext, person: User, fix: Fix) -> PageAction:
    """Granted to who has none, changed for who has one."""
    held = person.parent_memberships.filter(account=access.account_id).first()
    form: type[ParentForm] = GrantParentForm if held is None else ChangeParentForm
    to = address(access, "parent-grant") if held is None else address(access, "parent-change", person.pk)
    chosen = {"role": str(fix.role)} | ({"user": str(person.pk)} if held is None else {})
    title = _("Grant parent role") if held is None else _("Change parent role")
    act = PageAction(title, f"{to}?{urlencode(chosen)}", "badge")
    if not access.may_anywhere("view_parent_roles"):
        return _lacking(access, "view_parent_roles", None, act)
    lacking = form.lacking(access, held)
    return _lacking(access, lacking[0], None, act) if lacking else _within_reach(access, fix, act)


def _with_record(
    access: AccessContext, person: User, permission: Permission, record: Record, mandate: Mandate
) -> Iterator[FixLink]:
    """Return the acts on the record or on its owner's teams that don't change the person's own access."""
    if responsible_would_help(mandate, permission, record):
        to = reverse(f"admin:{record._meta.label_lower.replace('.', '_')}_change", args=[record.pk])
        act = PageAction(_("Set the owner"), f"{to}#id_responsible", "assignment_ind")
        sentence = _("Make %(who)s the owner of %(record)s.") % {"who": person, "record": record.reference}
        # The form is one of the admin's, where only staff come.
        yield FixLink(sentence, _judged(access, "assign_record", record, act) if access.user.is_staff else None)
    if team_would_help(mandate, permission, record):
        team = (
            Team.objects.filter(branch=record.branch_id, members__user=record.responsible_id).order_by("name").first()
        )
        to = (
            address(access, "teams")
            if team is None
            else f"{address(access, 'team-change', team.pk)}?member={person.pk}"
        )
        words = {"who": person, "other": record.responsible}
        sentence = _("Put %(who)s in a team with %(other)s, who owns it.") % words
        act = PageAction(_("Add team") if team is None else _("Add to team"), to, "group_add")
        yield FixLink(sentence, _judged(access, "manage_teams", record.branch, act))


def _judged(
    access: AccessContext, codename: str, target: Branch | Record | None, act: PageAction, fix: Fix | None = None
) -> PageAction:
    """The act, disabled where the reader may not do it there or could not give what it gives."""
    allowed = access.may_anywhere(codename) if target is None else access.may(codename, target)
    if not allowed:
        return _lacking(access, codename, target.branch if isinstance(target, Record) else target, act)
    return act if fix is None else _within_reach(access, fix, act)


def _lacking(access: AccessContext, codename: str, branch: Branch | None, act: PageAction) -> PageAction:
    """The same, disabled: what is missing, who can grant it, and where to ask for it."""
    about: models.Model | None = branch or access.account
    assert about is not None
    account_wide = catalogue.get(codename).target is Target.ACCOUNT
    asking = "" if account_wide else asking_address(access, codename, about)
    return PageAction(act.title, act.address, act.icon, tooltip(access, codename, branch), asking)


def _within_reach(access: AccessContext, fix: Fix, act: PageAction) -> PageAction:
    """The same, disabled where the reader would give more than they have themselves."""
    if any(user.pk == access.user.pk for user in fix.who):
        return act
    return PageAction(act.title, act.address, act.icon, _("You can’t grant more than your own access."))
