"""The users of an organisation: known ones are left as they are, new ones are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.contrib.auth.hashers import check_password, make_password

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User, users_by_email
from apps.orgfiles.checking import keepers, nobody_keeps
from apps.orgfiles.contents import Organisation, UserLine
from apps.orgfiles.problems import Problems


def users_of(organisation: Organisation, problems: Problems) -> dict[str, int]:
    """The id of every user of the organisation, by address. A user whose address is known is that user.

    Raises:
        Refused: a known user differs from what is said of them, or leaves the account without an active keeper.
    """
    known = users_by_email(line.email for line in organisation.users)
    for index, line in enumerate(organisation.users):
        if line.email in known:
            for key, sentence in _differences(line, known[line.email]):
                problems.add(("users", index, key), sentence)
    inactive = {line.email for line in organisation.users if not _will_be_active(line, known)}
    if not keepers(organisation) - inactive:
        problems.add(*nobody_keeps(organisation.account.scheme))
    problems.stop()
    made = User.objects.bulk_create([_made(line) for line in organisation.users if line.email not in known])
    # The importer vouches for these email addresses.
    vouch_for(made)
    return {user.email: user.pk for user in (*known.values(), *made)}


def _differences(line: UserLine, user: User) -> Iterator[tuple[str, str]]:
    """What the line says of a known user that is not so. What it leaves out, it does not say."""
    prefix = f"{user.email} already exists, and an import can't change users:"
    if line.name is not None and line.name != user.name:
        yield "name", f"{prefix} the name differs."
    if line.active is not None and line.active != user.is_active:
        yield "active", f"{prefix} active is {str(user.is_active).lower()}."
    if line.staff is not None and line.staff != user.is_staff:
        yield "staff", f"{prefix} staff is {str(user.is_staff).lower()}."
    # Without a setter, so that a right password does not renew the stored hash.
    if line.password is not None and not check_password(line.password, user.password):
        yield "password", f"{prefix} the password differs."


def _will_be_active(line: UserLine, known: Mapping[str, User]) -> bool:
    return known[line.email].is_active if line.email in known else line.active is not False


def _made(line: UserLine) -> User:
    return User(
        email=line.email,
        name=line.name or "",
        password=make_password(line.password),
        is_active=line.active is not False,
        is_staff=bool(line.staff),
    )
