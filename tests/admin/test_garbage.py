"""The admin's look-up address does not fail, whatever its parameters are or lack."""

from __future__ import annotations

from typing import Any

import pytest
import zeal
from django.apps import apps

from tests.admin.people import browser, everything, staff
from tests.factories import make_cast

pytestmark = pytest.mark.django_db
BASE = "/admin/autocomplete/"
WHOLE = {"app_label": "crm", "model_name": "lead", "field_name": "company", "term": "x"}
# As they are sent: nothing, a NUL, half a character, bytes of no alphabet, a huge number, a lookup, and what is long.
GARBAGE = ("", "%00", "a%00b", "%ED%A0%80", "%FF%FE", "9" * 30, "a__b", "None", "x" * 3000)


def queries() -> list[str]:
    """Each parameter left out, and each one with garbage; then each link of each table."""
    found = ["", "?term=x"]
    for name in WHOLE:
        found.append("?" + "&".join(f"{key}={value}" for key, value in WHOLE.items() if key != name))
        for garbage in GARBAGE:
            found.append("?" + "&".join(f"{key}={garbage if key == name else value}" for key, value in WHOLE.items()))
    links = [
        f"?app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={field.name}&term=x"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.is_relation
    ]
    assert len(links) > 100
    return found + links


@pytest.mark.parametrize("grants", [everything(), {}], ids=["every right", "no right"])
def test_looking_up_answers_or_refuses(grants: dict[str, Any]) -> None:
    client = browser(staff(make_cast().branch, grants))
    client.raise_request_exception = False
    found = set()
    with zeal.zeal_ignore():
        for query in queries():
            answer = client.get(BASE + query)
            found.add((answer.status_code, query[:150] if answer.status_code >= 500 else ""))
    assert {status for status, _ in found} <= {200, 400, 403, 404}, sorted(found)[-5:]
    assert ((200, "") in found) == bool(grants), "Whole parameters are answered, where there is a right."
