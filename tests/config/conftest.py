"""Clusters of clones that exist for one test."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from config.postgres.cluster import Cluster


def make_folder() -> Path:
    """A folder that stands for a clone: short of path, and open to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="mandate-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def clone() -> Generator[Path]:
    """A clone in which no server was started yet."""
    folder = make_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def laid_out_data() -> Generator[Path]:
    """The data folder of a server that ran and ended: laid out once, since that is what takes time."""
    folder = make_folder()
    cluster = Cluster(folder, "test", durable=False)
    cluster.hold()
    cluster.release()
    yield cluster.server.data
    shutil.rmtree(folder)


@pytest.fixture
def make_cluster(clone: Path, laid_out_data: Path) -> Generator[Callable[..., Cluster]]:
    """Makes clusters of the test's clone, or of another; they are stopped and removed after the test."""
    made: list[Cluster] = []

    def make(*, at: Path = clone, durable: bool = False) -> Cluster:
        cluster = Cluster(at, "test", durable=durable)
        if not cluster.server.data.exists():
            subprocess.run(["cp", "-a", laid_out_data, cluster.server.data], check=True)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.release()
        cluster.server.remove()


@pytest.fixture
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    """The cluster of the test's clone, which nobody has started yet."""
    return make_cluster()
