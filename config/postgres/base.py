"""Django's PostgreSQL backend, on an embedded server that is started when it is first asked for.

A command that never touches the database (`--help`, `check`) starts nothing.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import base, client

from config.postgres.cluster import CLONE, cluster_named
from config.postgres.places import programs
from config.postgres.server import OWNER


def address(settings: dict[str, Any]) -> dict[str, str]:
    """Where the server of these settings answers and as whom to sign in (the owner, by default); it runs by then."""
    cluster = cluster_named(settings["CLUSTER"])
    cluster.hold()
    return {"host": cluster.socket_folder, "user": settings["USER"] or OWNER}


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`, with the psql that comes with the server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """The command that opens a shell on the running server."""
        cls.executable_name = str(programs(CLONE) / "psql")
        place = address(settings_dict)
        at = settings_dict | {"HOST": place["host"], "USER": place["user"]}
        return super().settings_to_cmd_args_env(at, parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded server that keeps the cluster named in the settings."""

    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """Django's parameters with the server's address; who asks is about to connect: it is started."""
        return super().get_connection_params() | address(self.settings_dict)
