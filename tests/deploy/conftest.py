"""What the deploy tests share. They need Python 3.13, node and the packages of the group `deploy`.

LAMBDA_PYTHON names a Python 3.13 that has awslambdaric and nothing else: the artifact must bring all it imports.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.sandbox.server import SandboxServer
from syncer.sandbox.world import World
from tests.deploy.standins import Cloud, Project, ministack, moto


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it is shipped, packaged by `serverless package`."""
    project = Project(tmp_path_factory.mktemp("packaged"))
    project.serverless(None, "package")
    return project


@pytest.fixture(scope="session")
def lambda_python() -> Path:
    return Path(os.environ["LAMBDA_PYTHON"]).absolute()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """AWS that lets everyone do everything."""
    with ministack(tmp_path_factory.mktemp("ministack") / "log") as started:
        yield started


@pytest.fixture(scope="session")
def strict_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """AWS that asks IAM before everything."""
    with ministack(tmp_path_factory.mktemp("ministack") / "log", AUTH="true") as started:
        yield started


@pytest.fixture
def second_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with moto(tmp_path_factory.mktemp("moto") / "log") as started:
        yield started


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sandbox(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world) as serving:
        yield serving
