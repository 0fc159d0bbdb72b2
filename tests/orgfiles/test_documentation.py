"""docs/organisation-file.md is true: its example can be imported, and it names every field of every record type."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings

from apps.access import records
from apps.changes.preferences import CHOICES
from apps.orgfiles import organisation
from apps.orgfiles.fields import fields_of
from apps.orgfiles.parsing import _SECTIONS

PAGE = (Path(settings.BASE_DIR) / "docs" / "organisation-file.md").read_text("utf-8")


@pytest.mark.django_db
def test_the_example_can_be_imported() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    account = organisation.create(organisation.load(BytesIO(example.encode())))
    assert (account.slug, account.memberships.count()) == ("acme", 2)


def test_every_section_and_every_field_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(_SECTIONS) <= named
    for record_type in records.registered():
        assert set(fields_of(record_type)) <= named, record_type
    assert set(CHOICES) <= named
