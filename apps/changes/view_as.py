"""View as a colleague: up to half an hour, with a reason, without changing anything.

The viewer needs the permission to manage the other person's permissions and scopes at least as broad; where the other
person can view any records, the viewer must be able to view all. So nothing is shown that the viewer couldn't open.
Private contacts of both are hidden. Start and end are in the account's log, and everything else that is logged then
names the viewer as acting for the other person.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access import records
from apps.access.context import AccessContext
from apps.access.facts import load_some
from apps.access.mandate import Mandate
from apps.access.mandate_cache import bind_account, mandate_for
from apps.access.shield import shielded, why_shielded
from apps.access.verbs import VIEWING_ENDED, VIEWING_STARTED
from apps.accounts import fence
from apps.accounts.models import Account, User
from apps.audit.services import EntryValues, is_blank, record
from apps.changes.context import ChangeContext
from apps.changes.guards.evaluation import NOWHERE
from apps.changes.guards.judging import above_anywhere
from apps.roles import catalogue
from apps.roles.scopes import Scope

NEEDS = "manage_member_permissions"
KEY = "viewing"
LONGEST = timedelta(minutes=30)


class ViewingRefused(Exception):
    """The view as this person is refused, with the reason in one sentence."""


@dataclass(frozen=True, slots=True)
class ViewAsSession:
    """The person viewed, the account, the end and the reason: the content of the banner on every page."""

    name: str
    account_id: int
    account_name: str
    until: datetime
    reason: str

    @property
    def is_over(self) -> bool:
        """Return whether the half hour is over."""
        return timezone.now() >= self.until


def why_not(real: User, account: Account, person: User) -> str:
    """Return why `real`, who works in the account, can't view as the person; empty if they can."""
    if person.pk == real.pk:
        return _("You already see the pages as yourself.")
    if person.is_superuser:
        return _("You can't view as a platform operator.")
    if not person.is_active:
        return _("%(who)s is deactivated and has no access.") % {"who": person}
    if person.pk in shielded(AccessContext(real)):
        return why_shielded()
    own = mandate_for(real, account.pk)
    theirs = Mandate(load_some(own.facts.account, [person.pk])[person.pk], own.now)
    places = [branch_id for branch_id, _membership, _profile in theirs.branches()]
    if not places and theirs.facts.parent is None:
        return _("%(who)s is not a member of %(account)s.") % {"who": person, "account": account}
    label = catalogue.get(NEEDS).label
    if not all(own.allows(NEEDS, branch_id) for branch_id in places) or not own.allows_anywhere(NEEDS):
        return _("You need “%(what)s” on every branch of %(who)s.") % {"what": label, "who": person}
    if (found := above_anywhere(ChangeContext.of_page(account, own, real, theirs.facts), person.pk)) is not None:
        return _("%(who)s has broader access than you: their “%(what)s” is broader than yours.") % {
            "who": person,
            "what": catalogue.get(found).label,
        }
    if _sees_further(own, theirs):
        return _("%(who)s can view records that you can't view.") % {"who": person}
    return ""


def start(session: MutableMapping[str, Any], real: User, account: Account, person: User, *, reason: str) -> None:
    """Start to view as the person from the next request on, for up to half an hour.

    Raises:
        ViewingRefused: the reason is blank, or this user can't view as the person.
    """
    if is_blank(reason):
        raise ViewingRefused(_("Enter a reason to view as a colleague."))
    if refusal := why_not(real, account, person):
        raise ViewingRefused(refusal)
    until = timezone.now() + LONGEST
    view = {
        "account": account.pk,
        "account_name": account.name,
        "person": person.pk,
        "name": str(person),
        "until": until.isoformat(),
        "reason": reason.strip(),
    }
    _log(VIEWING_STARTED, real, account, person, reason, {"until": until})
    session[KEY] = {**view, **_judged(real, account, person)}


def stop(session: MutableMapping[str, Any], real: User, *, how: str) -> Account | None:
    """End the view and log `how` it ended. Return the account; None if no view was open."""
    view = session.pop(KEY, None)
    if view is None:
        return None
    with fence.tenant(view["account"], real.pk):
        account = Account.objects.get(pk=view["account"])
        person = User.objects.get(pk=view["person"])
        _log(VIEWING_ENDED, real, account, person, view["reason"], {"how": how})
    return account


def viewing_of(session: MutableMapping[str, Any]) -> ViewAsSession | None:
    """Return the current view of this session; None without one."""
    view = session.get(KEY)
    if view is None:
        return None
    until = datetime.fromisoformat(view["until"])
    return ViewAsSession(view["name"], view["account"], view["account_name"], until, view["reason"])


def eyes_of(session: MutableMapping[str, Any], real: User, account: Account) -> User:
    """Return the person through whose access `real` views the account, checked with both users' current permissions.

    Raises:
        ViewingRefused: the view ended, for the reason in the sentence.
    """
    view = session[KEY]
    person = User.objects.get(pk=view["person"])
    if _is_stale(view, real, account, person):
        if refusal := why_not(real, account, person):
            raise ViewingRefused(refusal)
        session[KEY] = {**view, **_judged(real, account, person)}
    person.viewed_by = real
    person.accounts = [account]
    bind_account(person, account)
    return person


def _sees_further(own: Mandate, theirs: Mandate) -> bool:
    """Return whether the other person might see records that the viewer can't.

    Scopes are relative: “responsible” of one person is not that of another. Only `all` contains everything.
    """
    for branch_id in [*own.facts.account.open_branches, NOWHERE]:
        for name in records.registered():
            given = theirs.effective(branch_id, f"view_{name}").scope
            if given and not own.effective(branch_id, f"view_{name}").scope & Scope.ALL:
                return True
    return False


def _judged(real: User, account: Account, person: User) -> dict[str, Any]:
    """Return what the check depends on, and how long it stays valid at most."""
    ends = [mandate_for(user, account.pk).valid_until for user in (real, person)]
    known = [end for end in ends if end is not None]
    return {
        "version": Account.objects.values_list("access_version", flat=True).get(pk=account.pk),
        "operates": real.operator_session is not None,
        "holds_until": min(known).isoformat() if known else "",
    }


def _is_stale(view: dict[str, Any], real: User, account: Account, person: User) -> bool:
    ended = bool(view["holds_until"]) and timezone.now() >= datetime.fromisoformat(view["holds_until"])
    moved = view["version"] != account.access_version or view["operates"] != (real.operator_session is not None)
    return ended or moved or person.is_superuser or not person.is_active


def _log(verb: Any, real: User, account: Account, person: User, reason: str, told: dict[str, Any]) -> None:
    """Return one entry for each of their branches, so that readers of each branch's log see it."""
    facts = load_some(mandate_for(real, account.pk).facts.account, [person.pk])[person.pk]
    held = sorted(branch for branch, held in facts.memberships.items() if held.active)
    places: Sequence[int | None] = held or (None,)
    entries = [
        EntryValues(
            target_type="accounts.user",
            target_id=person.pk,
            target_text=str(person),
            after=told,
            branch_id=branch_id,
            user_id=person.pk,
        )
        for branch_id in places
    ]
    with fence.tenant(account.pk, real.pk), transaction.atomic():
        record(verb=verb, actor=real, reason=reason, account_id=account.pk, entries=entries)
