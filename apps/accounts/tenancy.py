"""Tenant closure: what belongs to one account can point only at what belongs to the same account.

Django's own foreign key between two tenant tables is declared with `db_constraint=False`; these operations put the
composite key `(account_id, other_id) → other (account_id, id)` in its place, so that no path, raw SQL included, can
tie one account's row to another's.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class TenantForeignKey(Operation):
    """Adds the composite foreign key of one field. `target_columns` is `account_id, id` unless said otherwise.

    The target needs a unique constraint on `(account, id)`. The constraint is deferred to the commit, as Django's are.
    """

    reversible = True

    def __init__(self, model_name: str, field: str) -> None:
        self.model_name = model_name
        self.field = field

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, [self.model_name, self.field], {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are; only the database learns more."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.field)
        quote = schema_editor.quote_name
        schema_editor.execute(
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self._name(model))}"
            f" FOREIGN KEY (account_id, {quote(field.column)})"
            f" REFERENCES {quote(field.related_model._meta.db_table)} (account_id, id)"
            " DEFERRABLE INITIALLY DEFERRED"
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        quote = schema_editor.quote_name
        schema_editor.execute(f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self._name(model))}")

    def describe(self) -> str:
        return f"Keep {self.field} of {self.model_name} inside its account"

    def _name(self, model: Any) -> str:
        return f"{model._meta.db_table}_{self.field}_same_account"


class RaisesAccessVersion(Operation):
    """Makes every change of a table raise `access_version` of the accounts that it touches, whoever writes.

    Kept answers about who may do what are valid for one version, so the triggers are what makes a revocation hold from
    the next request on. `accounts_of` is SQL that yields the account ids of the changed rows, which stand in the
    transition table `changed`. `model` may be a lower app's, written `app.Model`.
    """

    reversible = True

    def __init__(self, model: str, accounts_of: str = "SELECT account_id FROM changed") -> None:
        self.model = model
        self.accounts_of = accounts_of

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, [self.model, self.accounts_of], {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are; only the database learns more."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, to_state)
        for event, transition in (
            ("insert", "NEW TABLE AS changed"),
            ("delete", "OLD TABLE AS changed"),
            ("update", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ):
            name = f"{table}_version_{event}"
            schema_editor.execute(_VERSION_FUNCTION.format(name=name, accounts=self._accounts(event)))
            schema_editor.execute(
                f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, from_state)
        for event in ("insert", "delete", "update"):
            schema_editor.execute(f"DROP TRIGGER {table}_version_{event} ON {table}")
            schema_editor.execute(f"DROP FUNCTION {table}_version_{event}()")

    def describe(self) -> str:
        return f"Raise the accounts' access version when {self.model} changes"

    def _table(self, app_label: str, state: ProjectState) -> str:
        app, _, name = self.model.rpartition(".")
        return str(state.apps.get_model(app or app_label, name)._meta.db_table)

    def _accounts(self, event: str) -> str:
        if event != "update":
            return self.accounts_of
        return " ".join(("WITH changed AS (SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows)", self.accounts_of))


_VERSION_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts_account SET access_version = access_version + 1
    WHERE id IN (SELECT id FROM accounts_account WHERE id IN ({accounts}) ORDER BY id FOR NO KEY UPDATE);
    RETURN NULL;
END $$
"""
