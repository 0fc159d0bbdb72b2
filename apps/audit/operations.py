"""Migration operations that hang tables on the log, for this app's tables and for those of the apps above.

    operations = [AppendOnly("Invoice"), Audited("Override", text="{x}.permission", branch="{x}.branch_id")]

need a dependency on audit's second migration, which brings the triggers' functions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AlterField
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from apps.audit.guards import GUARDS, schema_of


class InstallGuards(Operation):
    """Makes the functions of `guards`, in the place of those that are there.

    Undone, it drops them, unless it is `replacing` those of an earlier migration.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, *, replacing: bool = False) -> None:
        self.replacing = replacing

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in the models' state: this is about functions alone."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Make the functions."""
        schema = schema_of(schema_editor.connection)
        for guard in GUARDS:
            for statement in guard.statements(schema):
                schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop them, where they were not there before."""
        for guard in () if self.replacing else GUARDS:
            schema_editor.execute(f"DROP FUNCTION {guard.name}({guard.arguments})", params=None)

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return "Install the functions that guard the log"


class AppendOnly(Operation):
    """Makes the database refuse UPDATE, DELETE and TRUNCATE on a model's table, for every role.

    A statement trigger: it refuses a statement that would have found no row, too, and it costs an INSERT nothing.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model: str) -> None:
        self.model = model

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in the models' state: this is about the table alone."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Hang the trigger on the table."""
        if table := self._table(app_label, schema_editor, to_state.apps):
            schema_editor.execute(
                f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()",
                params=None,
            )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Take the trigger off the table."""
        if table := self._table(app_label, schema_editor, from_state.apps):
            schema_editor.execute(f"DROP TRIGGER audit_append_only ON {table}", params=None)

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Make the table of {self.model} append-only"

    @property
    def migration_name_fragment(self) -> str:
        """How a migration with this operation is named by default."""
        return f"{self.model.lower()}_append_only"

    def _table(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, apps: Apps) -> str | None:
        """The table's quoted name, or None where a router keeps the model off this database."""
        model = apps.get_model(app_label, self.model)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return None
        return schema_editor.quote_name(model._meta.db_table)


EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}

# A statement that changes nothing that is kept writes nothing and asks for no reason: sets may be empty, and an
# update may leave rows as they were. Of an update all pairs of rows are looked at together: asked whether there EXISTS
# a pair of a kind, the planner takes each old row through all the new ones, until it has found the first.
AUDITED = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    pairs record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM new_rows n WHERE {kept_new}) THEN
            INSERT INTO audit_entry ({columns})
            SELECT operation, {identity_new}, NULL, {image_new} || {names_new}
            FROM new_rows n, audit_operation_in_progress('{label}') AS operation WHERE {kept_new} ORDER BY n.id;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM old_rows o WHERE {kept_old}) THEN
            INSERT INTO audit_entry ({columns})
            SELECT operation, {identity_old}, {image_old} || {names_old}, NULL
            FROM old_rows o, audit_operation_in_progress('{label}') AS operation WHERE {kept_old} ORDER BY o.id;
        END IF;
    ELSE
        SELECT pg_catalog.count(*) AS number, pg_catalog.bool_or({account_old} <> {account_new}) AS moved,
            pg_catalog.bool_or({changed}) AS changed
            INTO pairs FROM old_rows o JOIN new_rows n USING (id);
        IF pairs.number <> (SELECT pg_catalog.count(*) FROM old_rows) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'restrict_violation',
                MESSAGE = 'the id of a row of {table} never changes',
                HINT = 'Delete the row and insert another one.';
        END IF;
        IF pairs.moved THEN
            RAISE EXCEPTION USING
                ERRCODE = 'restrict_violation',
                MESSAGE = 'a row of {table} never moves to another account',
                HINT = 'Delete the row and insert another one.';
        END IF;
        IF pairs.changed THEN
            INSERT INTO audit_entry ({columns})
            SELECT operation, {identity_new}, {image_old} || {names_old}, {image_new} || {names_new}
            FROM old_rows o JOIN new_rows n USING (id), audit_operation_in_progress('{label}') AS operation
            WHERE {changed} ORDER BY n.id;
        END IF;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION {function}() SET search_path = pg_catalog, %I, pg_temp', current_schema());
    ALTER FUNCTION {function}() SET timezone = 'UTC';
END $$;
CREATE TRIGGER {table}_written_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate();
"""
COLUMNS = "operation_id, account_id, branch_id, user_id, target_type, target_id, target_text, before, after"


class Audited(Operation):
    """Makes the database log every change of a table's rows, and refuse those for which no reason is stated.

    Whoever connects, and however many rows a statement changes: one entry for each row, with the whole row before and
    after, under the operation that `services.operation` began in the transaction (or `mandate.reason` states).

    The parameters are SQL about a row, which is written `{x}`: the account, the branch and the user that it concerns,
    `target` and `text` (what the log calls it by), and `names` (kept beside the row under the key `names`, since the
    log outlives the people and roles that a row points at). Rows for which `when` is false are left alone. `only` or
    `without` choose the columns that count. `model` may be a lower app's, written `app.Model`.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self,
        model: str,
        *,
        text: str,
        account: str = "{x}.account_id",
        branch: str = "NULL::bigint",
        user: str = "NULL::bigint",
        target: str = "{x}.id",
        names: Mapping[str, str] | None = None,
        when: str = "true",
        on_insert: str = "true",
        only: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.text = text
        self.account = account
        self.branch = branch
        self.user = user
        self.target = target
        self.names = dict(names or {})
        self.when = when
        self.on_insert = on_insert
        self.only = tuple(only)
        self.without = tuple(without)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing in the models' state: this is about the table alone."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Hang the triggers on the table. They fire after those that raise the account's version, by their name."""
        model = self._model(app_label, to_state.apps)
        table = model._meta.db_table
        schema_editor.execute(self._function(model), params=None)
        for event, transition in EVENTS.items():
            schema_editor.execute(
                f"CREATE TRIGGER {table}_written_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_written()",
                params=None,
            )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Take the triggers off the table."""
        table = self._model(app_label, from_state.apps)._meta.db_table
        schema_editor.execute(f"DROP FUNCTION {table}_written() CASCADE", params=None)
        schema_editor.execute(f"DROP TRIGGER {table}_written_truncate ON {table}", params=None)

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Log every change of {self.model}"

    @property
    def migration_name_fragment(self) -> str:
        """How a migration with this operation is named by default."""
        return f"{self.model.lower().replace('.', '_')}_audited"

    def _model(self, app_label: str, apps: Apps) -> Any:
        app, _, name = self.model.rpartition(".")
        return apps.get_model(app or app_label, name)

    def _function(self, model: Any) -> str:
        label = f"{model._meta.app_label}.{model._meta.model_name}"
        identity = f"{self.account}, {self.branch}, {self.user}, '{label}', ({self.target})::text, {self.text}"
        if self.only:
            pairs = ", ".join(f"'{column}', {{x}}.{column}" for column in ("id", *self.only))
            image = f"pg_catalog.jsonb_build_object({pairs})"
        else:
            image = "pg_catalog.to_jsonb({x})" + "".join(f" - '{column}'" for column in self.without)
        named = ", ".join(f"'{name}', ({sql})" for name, sql in self.names.items())
        built = "pg_catalog.jsonb_build_object"
        names = f"{built}('names', {built}({named}))" if named else "'{}'::jsonb"
        kept = f"({self.when})"
        both = " OR ".join(kept.replace("{x}", alias) for alias in ("o", "n"))
        images = [image.replace("{x}", alias) for alias in ("o", "n")]
        parts = {
            "function": f"{model._meta.db_table}_written",
            "table": model._meta.db_table,
            "label": label,
            "columns": COLUMNS,
            "kept_new": f"{kept} AND ({self.on_insert})".replace("{x}", "n"),
            "kept_old": kept.replace("{x}", "o"),
            "changed": f"({both}) AND {images[0]} IS DISTINCT FROM {images[1]}",
        }
        for alias, age in (("o", "old"), ("n", "new")):
            parts |= {
                f"identity_{age}": identity.replace("{x}", alias),
                f"account_{age}": f"({self.account})".replace("{x}", alias),
                f"image_{age}": image.replace("{x}", alias),
                f"names_{age}": names.replace("{x}", alias),
            }
        return AUDITED.format(**parts)


class AlterText(AlterField):
    """`AlterField` for a column that is held to a pattern from now on (`text`), with the rule in the database.

    A column that a migration creates brings its rule along; of columns that change, Django knows its own kinds alone.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Change the column, and add the rule."""
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        table, name, rule = self._rule(app_label, schema_editor, to_state)
        schema_editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})", params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take the rule away, and change the column back."""
        table, name, _ = self._rule(app_label, schema_editor, from_state)
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}", params=None)
        AlterField.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def _rule(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> tuple[str, str, str]:
        """The table, the constraint as PostgreSQL names one of a column, and what it says."""
        model = state.apps.get_model(app_label, self.model_name)
        field: Any = model._meta.get_field(self.name)
        quote = schema_editor.connection.ops.quote_name
        name = quote(f"{model._meta.db_table}_{field.column}_check")
        return quote(model._meta.db_table), name, field.db_check(schema_editor.connection)
