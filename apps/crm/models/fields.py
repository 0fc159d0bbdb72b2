"""Fields for email addresses, phone numbers, money and postal addresses, stored in normalised form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from djmoney.models.fields import CurrencyField, MoneyField
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    region_code_for_country_code,
)

from apps.audit.text import SingleLineEmailField, SingleLineField, SingleLinesField, SingleLineURLField

# Fields are generic for the type checker alone, and django-money says nothing of types.
if TYPE_CHECKING:
    _CurrencyColumn = models.CharField[Any, Any]
    _MoneyColumn = models.DecimalField[Any, Any]
else:
    _CurrencyColumn = CurrencyField
    _MoneyColumn = MoneyField

_DIGITS = re.compile(r"\+[1-9][0-9]+\Z")

validate_country = RegexValidator(r"^[A-Z]{2}\Z", _("Enter a two-letter country code, such as DE."), code="country")


def normalised_email(address: str) -> str:
    """The address without spaces around it, in small letters."""
    return address.strip().lower()


def normalised_phone(number: str, country: str = "") -> str:
    """The number in international form (`+4930123456`) where it can be read as one, else as it was typed.

    `country` (two letters) tells how a number without a country's code is meant.
    """
    typed = " ".join(number.split())
    if _is_international(typed):
        return typed
    try:
        parsed = PhoneNumber.from_string(typed, region=country or None)
    except NumberParseException:
        return typed
    return str(parsed.as_e164) if parsed.is_valid() else typed


def _is_international(number: str) -> bool:
    """Whether reading the number could change nothing: its country's code, and digits that begin with no prefix.

    To read a number takes longer than all else that is done with a record, and nearly all are in this form.
    """
    if not _DIGITS.match(number):
        return False
    code = next((number[1:end] for end in (2, 3, 4) if int(number[1:end]) in COUNTRY_CODE_TO_REGION_CODE), None)
    return code is None or not _national_prefix(int(code)).match(number, len(code) + 1)


@cache
def _national_prefix(code: int) -> re.Pattern[str]:
    """Return the trunk prefix of the countries with this code, which the library strips."""
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region_code_for_country_code(code))
    return re.compile((metadata and metadata.national_prefix_for_parsing) or r"(?!)")


def normalised_tag(tag: str) -> str:
    """The tag with single spaces, in small letters."""
    return " ".join(tag.split()).lower()


def _each_once(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


class MultiTextField(SingleLinesField[Any, list[str]]):
    """Several short texts in one column, each once, in the order given; brought into form on every save."""

    def __init__(self, base_field: models.CharField[str, str], **options: Any) -> None:
        column: dict[str, Any] = {"default": list, "blank": True} | options
        super().__init__(base_field, **column)

    def normalised(self, values: Iterable[str], record: models.Model) -> list[str]:
        """The values as they are stored."""
        raise NotImplementedError

    def pre_save(self, model_instance: models.Model, add: bool) -> list[str]:
        values = self.normalised(getattr(model_instance, self.attname) or (), model_instance)
        setattr(model_instance, self.attname, values)
        return values

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """A migration needs to know the column only, which is an array of texts on one line."""
        name, _, args, options = super().deconstruct()
        return str(name), "apps.audit.text.SingleLinesField", list(args), dict(options)


class EmailsField(MultiTextField):
    """E-mail addresses, in small letters."""

    def __init__(self, base_field: models.CharField[str, str] | None = None, **options: Any) -> None:
        super().__init__(base_field or SingleLineEmailField(max_length=254), **options)

    def normalised(self, values: Iterable[str], record: models.Model) -> list[str]:
        """The addresses in the form that they are compared in."""
        return _each_once(normalised_email(value) for value in values)


class PhonesField(MultiTextField):
    """Phone numbers, in international form where the record's country lets them be read."""

    def __init__(self, base_field: models.CharField[str, str] | None = None, **options: Any) -> None:
        super().__init__(base_field or SingleLineField(max_length=40), **options)

    def normalised(self, values: Iterable[str], record: models.Model) -> list[str]:
        """The numbers in the form that they are compared in."""
        country = getattr(record, "country", "")
        return _each_once(normalised_phone(value, country) for value in values)


class TagsField(MultiTextField):
    """Free words that people group records by."""

    def __init__(self, base_field: models.CharField[str, str] | None = None, **options: Any) -> None:
        super().__init__(base_field or SingleLineField(max_length=40), **options)

    def normalised(self, values: Iterable[str], record: models.Model) -> list[str]:
        """The tags in small letters."""
        return _each_once(normalised_tag(value) for value in values)


class _CurrencyField(_CurrencyColumn):
    """A currency's three letters. The currencies' names are the library's, and no matter for a migration."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, options = super().deconstruct()
        options.pop("choices", None)
        return str(name), "djmoney.models.fields.CurrencyField", list(args), dict(options)


class AmountField(_MoneyColumn):
    """An amount of money, or none; with a currency wherever there is one."""

    currency_max_length: int
    currency_choices: list[tuple[str, str]]

    def __init__(self, *args: Any, **options: Any) -> None:
        usual: dict[str, Any] = {
            "max_digits": 16,
            "decimal_places": 2,
            "null": True,
            "blank": True,
            "default_currency": None,
        }
        super().__init__(*args, **(usual | options))

    def add_currency_field(self, cls: type[models.Model], name: str) -> None:
        """Put the currency's column before the amount's, as the library does."""
        field = _CurrencyField(
            max_length=self.currency_max_length,
            default=None,
            editable=False,
            choices=self.currency_choices,
            null=self.null,
        )
        field.creation_counter = self.creation_counter - 1
        cls.add_to_class(f"{name}_currency", field)
        self._currency_field = field

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Leave the model's managers alone.

        The library wraps those of a model with this mark, so that each query looks for amounts; ours name the currency.
        """
        super().contribute_to_class(cls, name)
        del cls._meta.has_money_field  # type: ignore[attr-defined] # the library's mark

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """A migration needs to know the columns only."""
        name, _, args, options = super().deconstruct()
        return str(name), "djmoney.models.fields.MoneyField", list(args), dict(options)


class ContactDetails(models.Model):
    """Contact details: email, phone and postal address."""

    emails = EmailsField(verbose_name=_("e-mail addresses"))
    phones = PhonesField(verbose_name=_("phone numbers"))
    website = SingleLineURLField(max_length=300, blank=True)
    street = SingleLineField(max_length=200, blank=True)
    postal_code = SingleLineField(max_length=20, blank=True)
    city = SingleLineField(max_length=100, blank=True)
    region = SingleLineField(max_length=100, blank=True)
    country = SingleLineField(
        max_length=2,
        blank=True,
        validators=[validate_country],
        help_text=_("Two letters, such as DE; numbers are read as of here."),
    )

    class Meta:
        """Only a base."""

        abstract = True

    @property
    def postal_address(self) -> str:
        """The address on one line, or an empty text."""
        place = " ".join(part for part in (self.postal_code, self.city) if part)
        return ", ".join(part for part in (self.street, place, self.region, self.country) if part)
