"""A migration operation that makes a table append-only, for this app's tables and for those of the apps above.

    operations = [AppendOnly("Invoice")]

needs a dependency on audit's first migration, which brings the trigger's function.
"""

from typing import Any

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AppendOnly(Operation):
    """Makes the database refuse UPDATE, DELETE and TRUNCATE on a model's table, whoever connects.

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
