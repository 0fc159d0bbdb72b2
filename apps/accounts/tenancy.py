"""What keeps accounts apart in the database: operations for the migrations of this app and of those above it.

**Tenant closure**: what belongs to one account can point only at what belongs to the same account. Django's own foreign
key between two tenant tables is declared with `db_constraint=False`; these operations put the composite key
`(account_id, other_id) → other (account_id, id)` in its place, so that no path, raw SQL included, can tie one account's
row to another's.

**The second fence** (`Fenced`, `ExtraReadPolicy`, `RunAsOwner`, `SearchView`): row-level security, which shows the web
role the rows of one account; see `fence`.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from apps.accounts.fence import view_of


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
            # Whoever writes, the account's version rises.
            schema_editor.execute(_RUN_AS_OWNER.format(name=name), params=None)
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
_RUN_AS_OWNER = """
DO $$ BEGIN
    ALTER FUNCTION {name}() SECURITY DEFINER;
    EXECUTE format('ALTER FUNCTION {name}() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""

# What the database was told by `fence`. In a query of its own, so that it is read once for a statement and not for each
# row; an end of a transaction may leave an empty string where nothing was set before. 0 is no account: it is the number
# of the log's platform chain.
CURRENT_ACCOUNT = "(SELECT NULLIF(NULLIF(current_setting('mandate.account', true), '')::bigint, 0))"
CURRENT_USER = "(SELECT NULLIF(current_setting('mandate.user', true), '')::bigint)"


class _FenceOperation(Operation):
    """What the operations of the second fence have in common. `model` may be a lower app's, written `app.Model`."""

    reversible = True
    reduces_to_sql = True
    model: str

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are; only the database learns more."""

    def _options(self, app_label: str, state: ProjectState) -> Any:
        app, _, name = self.model.rpartition(".")
        return state.apps.get_model(app or app_label, name)._meta

    def _table(self, app_label: str, state: ProjectState) -> str:
        return str(self._options(app_label, state).db_table)

    @staticmethod
    def _execute(schema_editor: BaseDatabaseSchemaEditor, statement: str) -> None:
        told = statement.replace("{account}", CURRENT_ACCOUNT).replace("{user}", CURRENT_USER)
        schema_editor.execute(told, params=None)


class Fenced(_FenceOperation):
    """Row-level security: whoever is not the table's owner reads and writes rows of the current account alone.

    `rows` is SQL for which rows those are, where it is not `account_id` that says it; in it, `{account}` and `{user}`
    stand for those that the database was told.
    """

    def __init__(self, model: str, rows: str = "account_id = {account}") -> None:
        self.model = model
        self.rows = rows

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Fence the table."""
        table = self._table(app_label, to_state)
        self._execute(schema_editor, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        self._execute(schema_editor, f"CREATE POLICY of_account ON {table} USING ({self.rows})")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take the fence down."""
        table = self._table(app_label, from_state)
        self._execute(schema_editor, f"DROP POLICY of_account ON {table}")
        self._execute(schema_editor, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Show rows of {self.model} inside their account alone"


class _ExtraPolicy(_FenceOperation):
    """Further rows of a fenced table, for one thing that is done with them: `rows` as in `Fenced`."""

    policy: str

    def __init__(self, model: str, name: str, rows: str) -> None:
        self.model = model
        self.name = name
        self.rows = rows

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Open a door in the fence."""
        table = self._table(app_label, to_state)
        self._execute(schema_editor, f"CREATE POLICY {self.name} ON {table} {self.policy} ({self.rows})")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Close it."""
        self._execute(schema_editor, f"DROP POLICY {self.name} ON {self._table(app_label, from_state)}")


class ExtraReadPolicy(_ExtraPolicy):
    """Further rows of a fenced table that may be read, and never written."""

    policy = "FOR SELECT USING"

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Show rows of {self.model} to those whom they concern: {self.name}"


class Addable(_ExtraPolicy):
    """Further rows of a fenced table that may be added; `ExtraReadPolicy` names those that may be read then."""

    policy = "FOR INSERT WITH CHECK"

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Let those whom they concern add rows of {self.model}: {self.name}"


class RunAsOwner(Operation):
    """Lets trigger functions that look into tables do so with their owner's rights.

    A guard that runs as the web role does not see the rows of other accounts, and so finds nothing to refuse.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, *functions: str) -> None:
        self.functions = functions

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are; only the database learns more."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Give the functions their owner's rights."""
        for name in self.functions:
            schema_editor.execute(_RUN_AS_OWNER.format(name=name), params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take them away again."""
        for name in self.functions:
            schema_editor.execute(f"ALTER FUNCTION {name}() SECURITY INVOKER RESET search_path")

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Let {', '.join(self.functions)} see every account"


class SearchView(_FenceOperation):
    """The view of a fenced table that is searched for parts of texts: the rows of the current account, by every index.

    Behind row-level security only operators that are known to keep secrets use an index, and those on text are not
    among them: an index on names would go unused. A view of the table's owner has no such scruples and shows the same
    rows. A migration that changes the table's columns lists this again after it.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the view, in the place of one that is there."""
        options = self._options(app_label, to_state)
        columns = ", ".join(schema_editor.quote_name(field.column) for field in options.concrete_fields)
        view, table = view_of(options.db_table), options.db_table
        self._execute(schema_editor, f"DROP VIEW IF EXISTS {view}")
        self._execute(
            schema_editor,
            f"CREATE VIEW {view} AS SELECT {columns} FROM {table} WHERE account_id = {{account}}",  # noqa: S608 - a model's names
        )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the view."""
        self._execute(schema_editor, f"DROP VIEW {view_of(self._table(app_label, from_state))}")

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Let {self.model} be searched by its indexes"
