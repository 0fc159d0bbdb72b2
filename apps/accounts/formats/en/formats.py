"""Django's own formats, as the account that is worked in has days and times written: for what names no form.

What people type is understood as before, dates in ISO among it.
"""

from apps.accounts.datetime_formats import DateTimeForm, pattern


class _Prevailing(str):
    """A format that is another one for each reader. Django keeps formats, and asks for their text at each use."""

    __slots__ = ()

    def __str__(self) -> str:
        return pattern(str.__str__(self))


DATE_FORMAT = SHORT_DATE_FORMAT = _Prevailing(DateTimeForm.DAY)
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = _Prevailing(DateTimeForm.MOMENT)
TIME_FORMAT = _Prevailing(DateTimeForm.TIME)
MONTH_DAY_FORMAT = _Prevailing(DateTimeForm.SHORT_DAY)
