"""The embedded server: what it offers, and how it comes up again after anything that can befall it."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from config.postgres.cluster import Cluster
from config.postgres.places import EmbeddedServerError
from config.postgres.server import OWNER


def ask(cluster: Cluster, question: str) -> object:
    """The one value that the application's role gets for a question."""
    with psycopg.connect(host=cluster.socket_folder, user=OWNER, dbname=OWNER, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def server_pid(cluster: Cluster) -> int:
    return int((cluster.server.data / "postmaster.pid").read_text().split("\n")[0])


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_it_answers_on_its_socket_and_listens_nowhere_else(cluster: Cluster) -> None:
    cluster.hold()

    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SELECT inet_server_addr()") is None


def test_only_the_servers_user_can_enter_its_folder(cluster: Cluster) -> None:
    cluster.hold()

    assert stat.S_IMODE(cluster.server.data.stat().st_mode) == 0o700


def test_the_application_is_no_superuser_and_owns_its_database(cluster: Cluster) -> None:
    cluster.hold()

    assert ask(cluster, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert ask(cluster, "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'mandate'") == OWNER


def test_texts_are_sorted_by_code_point(cluster: Cluster) -> None:
    cluster.hold()

    assert ask(cluster, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['a', 'B', 'é', 'z']) x") == "Bazé"


def test_only_a_server_for_tests_may_forget_on_a_crash(make_cluster: Callable[..., Cluster]) -> None:
    durable = make_cluster(durable=True)
    durable.hold()

    assert ask(durable, "SHOW fsync") == "on"

    durable.release()
    forgetful = make_cluster(durable=False)
    forgetful.hold()

    assert ask(forgetful, "SHOW fsync") == "off"


def test_a_failed_statement_stays_out_of_the_log(cluster: Cluster) -> None:
    cluster.hold()

    with pytest.raises(psycopg.errors.UndefinedTable):
        ask(cluster, "SELECT 'the secret' FROM nowhere")

    assert "the secret" not in (cluster.server.data / "server.log").read_text()


def test_durable_data_outlives_a_killed_server(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(durable=True)
    cluster.hold()
    with psycopg.connect(host=cluster.socket_folder, user=OWNER, dbname=OWNER) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(server_pid(cluster))

    cluster.release()
    cluster.hold()

    assert ask(cluster, "SELECT answer FROM kept") == 42


def test_a_pid_file_that_names_a_strangers_process_does_not_stop_it(cluster: Cluster) -> None:
    cluster.hold()
    pid_file = cluster.server.data / "postmaster.pid"
    left = pid_file.read_text().split("\n")
    kill(server_pid(cluster))
    pid_file.write_text("\n".join([str(os.getpid()), *left[1:]]))

    cluster.release()
    cluster.hold()

    assert cluster.server.is_running()
    assert server_pid(cluster) != os.getpid()


def test_a_stranger_whose_pid_is_in_the_pid_file_is_left_alone(cluster: Cluster) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (cluster.server.data / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster.server.data}\n")

        cluster.server.stop()
        cluster.hold()

        assert cluster.server.is_running()
        assert stranger.poll() is None
        stranger.kill()


def test_the_data_is_not_touched_while_a_killed_servers_session_still_works_on_it(cluster: Cluster) -> None:
    cluster.hold()
    with contextlib.closing(psycopg.connect(host=cluster.socket_folder, user=OWNER, dbname=OWNER)) as connection:
        session = connection.info.backend_pid
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 20000000)")
        kill(server_pid(cluster))
        cluster.release()
        worked_on = is_alive(session)

        cluster.hold()

        assert worked_on
        assert not is_alive(session)


def test_a_server_that_does_not_answer_is_ended_and_started_again(cluster: Cluster) -> None:
    cluster.hold()
    deaf = server_pid(cluster)
    (cluster.server.data / ".s.PGSQL.5432").unlink()

    cluster.server.bring_up()

    assert not is_alive(deaf)
    assert cluster.server.is_running()


def test_torn_data_of_tests_is_made_anew(cluster: Cluster) -> None:
    cluster.hold()
    cluster.release()
    (cluster.server.data / "global" / "pg_control").unlink()

    cluster.hold()

    assert ask(cluster, "SELECT 1") == 1


def test_torn_durable_data_is_left_as_it_is_and_named(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(durable=True)
    cluster.hold()
    cluster.release()
    (cluster.server.data / "global" / "pg_control").unlink()

    with pytest.raises(EmbeddedServerError, match=r"did not start:\n(.*\n)*.*pg_control"):
        cluster.hold()

    assert (cluster.server.data / "PG_VERSION").exists()


def test_durable_data_of_another_version_is_left_as_it_is(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(durable=True)
    cluster.hold()
    cluster.release()
    (cluster.server.data / "PG_VERSION").write_text("15\n")

    with pytest.raises(EmbeddedServerError, match=r"was created by PostgreSQL 15, but \d+ is installed"):
        cluster.hold()


def test_a_layout_that_was_broken_off_is_not_taken_for_data(cluster: Cluster) -> None:
    cluster.server.remove()
    unfinished = cluster.server.data.with_name("test.new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    cluster.hold()

    assert ask(cluster, "SELECT 1") == 1
    assert not unfinished.exists()
