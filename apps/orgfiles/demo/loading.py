"""Loads the demo's accounts from the organisation files beside this module, each once, and says who can sign in.

The files speak as of `WRITTEN_FOR`, a Monday. Loading moves every date in them by whole weeks, so that its week is the
present one: tasks fall due around today and on the weekdays that were meant, an override that had ended has ended, and
within one week every load is the same. What an account has been loaded as stays so, whatever the date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Account, User
from apps.orgfiles import organisation
from apps.orgfiles.contents import RecordLine
from apps.orgfiles.organisation import Organisation

WRITTEN_FOR = date(2026, 11, 2)
FOLDER = Path(__file__).parent
# The password of all demo users. It is printed, and protects only invented people.
PASSWORD = "mandate-demo"  # noqa: S105
OPERATOR = "operator@mandate.example"
# Secret for the operator's authenticator app. An operator session needs its codes.
OPERATOR_SECRET = "MANDATEDEMOPERATORSECRET234567AA"  # noqa: S105
SECONDS_PER_CODE = 30
# What says of itself no date was made in this time before the week of the demo, in the order of the file.
PAST = timedelta(days=120)
TASK_LEAD = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person of the demo in one account; the operator is in none.

    `secret` is what an authenticator app needs to show their codes; empty where they sign in without one.
    """

    email: str
    password: str
    account: str
    role: str
    secret: str = ""


def organisations() -> list[Organisation]:
    """The demo's accounts as they are written.

    Raises:
        Refused: a file is wrong.
    """
    return [organisation.load(path) for path in sorted(FOLDER.glob("*.yaml"))]


def load_demo(today: date | None = None) -> list[SignIn]:
    """Create the accounts that are not there yet, and the operator, in one transaction; returns who can sign in.

    Raises:
        Refused: another user has an address of the demo. Nothing is written then.
    """
    found = organisations()
    monday = today or timezone.now().date()
    weeks = timedelta(weeks=(monday - WRITTEN_FOR).days // 7)
    with transaction.atomic():
        present = set(Account.objects.values_list("slug", flat=True))
        missing = [each for each in found if each.account.slug not in present]
        for each in missing:
            organisation.create(as_of(each, weeks))
        if missing:
            _give_passwords(missing)
        if not User.objects.filter(email=OPERATOR).exists():
            TOTP.activate(User.objects.create_superuser(OPERATOR, PASSWORD, name="Olive Operator"), OPERATOR_SECRET)
    return sign_ins(found)


def sign_ins(found: list[Organisation]) -> list[SignIn]:
    """Who can sign in, account by account, the operator last."""
    people = [SignIn(email, PASSWORD, _account(each), role) for each in found for email, role in _roles(each)]
    role = "Platform operator (after opening a session)"
    return [*people, SignIn(OPERATOR, PASSWORD, "every account", role, OPERATOR_SECRET)]


def operator_code() -> str:
    """Return the six digits that the operator's authenticator app shows now."""
    return str(format_hotp_value(hotp_value(OPERATOR_SECRET, int(timezone.now().timestamp()) // SECONDS_PER_CODE)))


def as_of(found: Organisation, shift: timedelta) -> Organisation:
    """The organisation with every date in it moved."""
    monday = datetime.combine(WRITTEN_FOR, time(), UTC)
    step = PAST / (len(found.records) + 1)
    records = (
        _moved(_dated(line, monday - PAST + step * place), shift) for place, line in enumerate(found.records, start=1)
    )
    overrides = (replace(line, expires=line.expires and line.expires + shift) for line in found.overrides)
    return replace(found, records=tuple(records), overrides=tuple(overrides))


def _dated(line: RecordLine, otherwise: datetime) -> RecordLine:
    """An activity was written down when it happened, and a task some days before it was due."""
    if line.created_at is not None:
        return line
    values = line.values
    due = min((values[key] for key in ("due_at", "done_at") if key in values), default=None)
    made = values.get("happened_at") or (due - TASK_LEAD if due else otherwise)
    closed = values.get("closed_at")
    return replace(line, created_at=min(made, closed - TASK_LEAD) if closed else made)


def _moved(line: RecordLine, shift: timedelta) -> RecordLine:
    values: Mapping[str, Any] = {
        key: value + shift if isinstance(value, date) else value for key, value in line.values.items()
    }
    return replace(line, values=values, created_at=line.created_at and line.created_at + shift)


def _give_passwords(found: list[Organisation]) -> None:
    """Give all new users one hash: hashing is slow by design."""
    emails = {line.email for each in found for line in each.users}
    newcomers = User.objects.filter(email__in=emails, password__startswith=UNUSABLE_PASSWORD_PREFIX)
    newcomers.update(password=make_password(PASSWORD))


def _account(found: Organisation) -> str:
    return f"{found.account.name} ({found.account.scheme.key})"


def _roles(found: Organisation) -> Iterator[tuple[str, str]]:
    """Yield each user of the file with their roles in the account."""
    scheme = found.account.scheme
    names = {key: role.name for key, role in scheme.roles.items()} | {line.key: line.name for line in found.roles}
    branches = {line.slug: line for line in found.branches}
    for user in found.users:
        roles = [names[line.role] for line in found.parent_roles if line.user == user.email]
        for line in found.members:
            if line.user != user.email:
                continue
            branch = branches[line.branch]
            role = f"{names[line.role]} on {branch.name}" if scheme.many_branches else names[line.role]
            ended = "removed" if not line.active else "closed" if branch.status != "active" else ""
            roles.append(f"{role} ({ended})" if ended else role)
        yield user.email, ", ".join(roles)
