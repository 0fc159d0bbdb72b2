import pytest

from tests.factories import Cast, make_cast


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account: its member sees and edits what they are responsible for, and may add every kind of record."""
    return make_cast("atlas")
