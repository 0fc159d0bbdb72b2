"""What the admin's tests share."""

from collections.abc import Generator

import pytest
from django.test import override_settings


@pytest.fixture(autouse=True)
def _queries_that_repeat_for_a_reason() -> Generator[None]:
    """Each smallest change names who may make it: a handful of questions, whatever the number of records and people.

    And the id of a permission is read once in the life of a process.
    """
    repeating = ({"model": model, "field": "get()"} for model in ("accounts.Account", "auth.Permission"))
    with override_settings(ZEAL_ALLOWLIST=list(repeating)):
        yield
