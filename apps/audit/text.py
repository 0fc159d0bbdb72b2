"""What a text may be made of, for forms, for services and in the database: what people read, and no hidden signs.

A name is one line. Control characters, line and paragraph separators and what is not seen (marks that turn the
direction of writing around, spaces without width, tags) let one name pass for another, or break out of its line. So no
single-line text has them. The two joiners stay where scripts and emoji need them: inside of a text that is not Latin.
A text of several lines may also have line breaks, tabs, and marks that its script needs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

_ST = TypeVar("_ST", contravariant=True)
_GT = TypeVar("_GT", covariant=True)

# As regular expressions of Python and of PostgreSQL read them alike. The zero character, which PostgreSQL stores in no
# text, and halves of characters, which are none, are added for Python.
_CONTROLS = r"\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
_BREAKS = r"\u0009\u000a\u000d\u2028\u2029"
_UNSEEN = (
    r"\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_JOINERS = r"\u200c\u200d"
# Between letters, digits and signs of Latin, Greek and Cyrillic nothing is joined; nor at the beginning or the end.
_UNJOINED = r"\u0001-\u058f\u2000-\u206f"
SINGLE_LINE = (
    rf"[{_CONTROLS}{_BREAKS}{_UNSEEN}]|^[{_JOINERS}]|[{_JOINERS}]$|[{_UNJOINED}][{_JOINERS}]|[{_JOINERS}][{_UNJOINED}]"
)
MULTI_LINE = rf"[{_CONTROLS}]"
_ONLY_PYTHON = r"[\x00\ud800-\udfff]"


class TextValidator:
    """Lets a text pass that has none of these; two of the same pattern are equal."""

    def __init__(self, pattern: str, message: Any) -> None:
        self.pattern = re.compile(rf"{_ONLY_PYTHON}|{pattern}")
        self.message = message

    def __call__(self, value: Any) -> None:
        """Let the text pass; what is no text is for others to judge.

        Raises:
            ValidationError: it has such a character. The message says which one, and how to mend it.
        """
        code = self.hidden(value) if isinstance(value, str) else ""
        if code:
            raise ValidationError(self.message, code="hidden_character", params={"code": code})

    def hidden(self, text: str) -> str:
        """The first character that does not belong in the text, such as `U+202E`; empty where there is none."""
        found = self.pattern.search(text)
        if found is None:
            return ""
        # A joiner stands beside what it does not join.
        return next(f"U+{ord(each):04X}" for each in found[0] if self.pattern.search(each))


validate_single_line = TextValidator(
    SINGLE_LINE,
    _("Write this on one line, without invisible characters (here: %(code)s). Delete them, or type the text again."),
)
validate_multi_line = TextValidator(
    MULTI_LINE, _("This has an invisible control character (%(code)s). Delete it, or type the text again.")
)


class _CheckedText:
    """A column whose texts are held to a pattern, by forms as by the database."""

    pattern: ClassVar[str]

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        """The same rule as a database constraint, for every writer."""
        column: str = self.column  # type: ignore[attr-defined] # a field's
        return f"{connection.ops.quote_name(column)}::text !~ '{self.pattern}'"


class SingleLineField(_CheckedText, models.CharField[_ST, _GT]):
    """A column of a name, or of another text on one line."""

    pattern = SINGLE_LINE
    default_validators = [validate_single_line]


class SingleLineEmailField(_CheckedText, models.EmailField[_ST, _GT]):
    """A column of an email address."""

    pattern = SINGLE_LINE
    default_validators = [*models.EmailField.default_validators, validate_single_line]


class SingleLineURLField(_CheckedText, models.URLField[_ST, _GT]):
    """A column of a web address."""

    pattern = SINGLE_LINE
    default_validators = [*models.URLField.default_validators, validate_single_line]


class SingleLineSlugField(_CheckedText, models.SlugField[_ST, _GT]):
    """A column of a short name."""

    pattern = SINGLE_LINE
    default_validators = [*models.SlugField.default_validators, validate_single_line]


class MultiLineField(_CheckedText, models.TextField[_ST, _GT]):
    """A column of a text that may have several lines."""

    pattern = MULTI_LINE
    default_validators = [validate_multi_line]


if TYPE_CHECKING:
    from django.contrib.postgres.fields import ArrayField as _Array
else:

    class _Array(ArrayField):
        """Takes its parameters at run time too, as Django's own fields do here."""

        def __class_getitem__(cls, parameters: Any) -> Any:
            return cls


class SingleLinesField(_CheckedText, _Array[_ST, _GT]):
    """A column of several texts, each on one line; the base field is a `SingleLineField` or one like it."""

    pattern = SINGLE_LINE


class SingleLineInput(forms.CharField):
    """A name, or another text on one line, in a form."""

    default_validators = [validate_single_line]


class SingleLineEmailInput(forms.EmailField):
    """An email address in a form."""

    default_validators = [*forms.EmailField.default_validators, validate_single_line]


class MultiLineInput(forms.CharField):
    """A text that may have several lines, in a form."""

    default_validators = [validate_multi_line]
