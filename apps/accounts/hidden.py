"""The password of a user, as the web role gets it: of one person at a time, and never with a list.

The web role may write the column and not read it. A query of users leaves it out; whoever needs it, such as a sign-in,
asks for the one person's (`accounts_password()` in the database), and the fence is told of that person for as long.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler

from apps.accounts import fence

# Prefix of an unusable password.
UNUSABLE = "!"


class HiddenPassword(models.CharField[str, str]):
    """A column whose value is NULL in what the web role selects. As the owner it is a column like any other."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """To the migrations it is text."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def select_format(self, compiler: SQLCompiler, sql: str, params: Any) -> tuple[str, Any]:
        """The column in a list of what is selected."""
        return ("NULL", []) if fence.is_fenced() else (sql, params)


class PasswordMark(models.Func):
    """The SHA-256 of a stored password, or “!” for one that opens nothing, as a generated column. See `mark_of`."""

    template = (
        "CASE WHEN left(%(expressions)s, 1) = '!' THEN '!'"
        " ELSE encode(sha256(decode(replace(%(expressions)s, '\\', '\\\\'), 'escape')), 'hex') END"
    )
    output_field = models.CharField(max_length=64)


def mark_of(password: str) -> str:
    """Return the mark of a stored password, as the database writes it."""
    return UNUSABLE if password.startswith("!") else hashlib.sha256(password.encode()).hexdigest()


def password_of(user_id: int) -> str:
    """Return the stored password of a user, as the web role."""
    with fence.tenant(None, user_id), connection.cursor() as cursor:
        cursor.execute("SELECT accounts_password()")
        ((password,),) = cursor.fetchall()
    return str(password)
