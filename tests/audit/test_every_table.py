"""No table of access is forgotten: the models are walked, and the database is asked for its triggers."""

import pytest
from django.apps import apps
from django.db import models

from apps.access import shares
from tests.audit.chains import sql

pytestmark = pytest.mark.django_db

# Whatever these apps keep decides who may do what, and so do shares, wherever they lie.
ACCESS_APPS = ("roles", "accounts", "teams", "access")
# Nobody may anything more or less for what stands there.
OF_NO_ACCESS = {"access_queuedpreview", "access_endingwarning", "accounts_apitoken", "accounts_jobfailure"}
EVENTS = {"INSERT", "UPDATE", "DELETE", "TRUNCATE"}


def guarded_models() -> list[type[models.Model]]:
    found = [model for name in ACCESS_APPS for model in apps.get_app_config(name).get_models()]
    found = [model for model in found if model._meta.db_table not in OF_NO_ACCESS]
    return found + [model for model in apps.get_models() if issubclass(model, shares.UserShare | shares.TeamShare)]


def test_there_are_share_tables_among_them() -> None:
    assert {"crm_leadusershare", "crm_taskteamshare", "access_override"} <= {
        model._meta.db_table for model in guarded_models()
    }


@pytest.mark.parametrize("table", [model._meta.db_table for model in guarded_models()])
def test_it_is_hung_on_the_log_for_every_event(table: str) -> None:
    found = {
        event
        for (event,) in sql(
            "SELECT CASE WHEN tgtype & 32 <> 0 THEN 'TRUNCATE' WHEN tgtype & 4 <> 0 THEN 'INSERT'"
            " WHEN tgtype & 8 <> 0 THEN 'DELETE' WHEN tgtype & 16 <> 0 THEN 'UPDATE' END"
            " FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s AND tgenabled = 'O'",
            table,
            f"{table}_written%",
        )
    }
    assert found == EVENTS
