"""The artifact: built from locked, checked parts alone, the same bytes everywhere."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.deploy.standins import BIN, ENVIRONMENT, ROOT, Project

ELSEWHERE = ("click", "platformdirs", "rich")
"""What only the command line uses."""
MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
"""The field e_machine of an ELF header."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def names(artifact: Path) -> list[str]:
    with zipfile.ZipFile(artifact) as archive:
        return archive.namelist()


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


def test_pip_and_uv_build_the_same_bytes_in_different_folders(packaged: Project, project: Project) -> None:
    without_uv = ENVIRONMENT | {"PATH": str(project.folder)}

    assert project.build(environment=without_uv).returncode == 0

    assert shutil.which("uv", path=ENVIRONMENT["PATH"])
    assert project.artifact.read_bytes() == packaged.artifact.read_bytes()


@pytest.mark.parametrize("arch", MACHINES)
def test_compiled_modules_are_for_the_architecture_asked_for(arch: str, project: Project) -> None:
    assert project.build("--arch", arch).returncode == 0

    with zipfile.ZipFile(project.artifact) as archive:
        headers = [archive.read(name)[:20] for name in archive.namelist() if name.endswith(".so")]
    assert len(headers) == 4
    assert all(header[:4] == b"\x7fELF" for header in headers)
    assert {int.from_bytes(header[18:20], "little") for header in headers} == {MACHINES[arch]}


def test_it_holds_what_a_run_needs_and_nothing_else_of_ours(packaged: Project) -> None:
    ours = {name for name in names(packaged.artifact) if name.startswith(("config", "schemas", "syncer"))}

    assert {"config/config.yaml", "schemas/config.schema.json", "syncer/handler.py"} <= ours
    assert not [name for name in ours if name.startswith(("syncer/cli", "syncer/sandbox", "syncer/__main__"))]
    assert {name for name in ours if name.startswith("config")} == {"config/config.yaml"}


def test_it_brings_no_package_that_only_the_command_line_uses(packaged: Project) -> None:
    tops = {name.partition("/")[0] for name in names(packaged.artifact)}

    assert not tops & {"click", "markdown_it", "mdurl", "platformdirs", "pygments", "rich"}
    assert not [top for top in tops if top.startswith("redis-")]


def test_of_botocore_it_brings_only_the_services_that_are_called(packaged: Project) -> None:
    folders = {Path(name).parts[2:-1] for name in names(packaged.artifact) if name.startswith("botocore/data/")}

    assert {folder[0] for folder in folders if folder} == {"dynamodb", "secretsmanager"}
    assert packaged.artifact.stat().st_size <= 6_000_000


def test_every_module_comes_with_its_byte_code(packaged: Project) -> None:
    held = set(names(packaged.artifact))
    modules = {Path(name) for name in held if name.endswith(".py")}

    assert {str(path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc") for path in modules} <= held


def test_what_lies_beside_the_config_and_the_code_stays_out(packaged: Project, project: Project) -> None:
    for name in ("config/credentials.json", "config/config.yaml.bak", "syncer/.env", "syncer/token.json", ".env"):
        (project.folder / name).write_text("canary")

    assert project.build().returncode == 0

    assert project.artifact.read_bytes() == packaged.artifact.read_bytes()


def test_a_wheel_with_another_hash_is_refused(project: Project) -> None:
    lock = project.folder / "requirements-lambda.txt"
    lock.write_text(re.sub(r"(?<=sha256:)[0-9a-f]{64}", "0" * 64, lock.read_text()))

    done = project.build()

    assert done.returncode != 0
    assert not project.artifact.exists()


def test_a_file_that_changed_after_it_was_unpacked_is_refused(project: Project) -> None:
    installer = project.folder / "uv"
    installer.write_text(
        f'#!/bin/sh\n"{BIN / "uv"}" "$@" || exit\n'
        'while [ "$1" != --target ]; do shift; done\necho "# one more line" >> "$2/certifi/core.py"\n'
    )
    installer.chmod(0o755)

    done = project.build(environment=ENVIRONMENT | {"PATH": f"{project.folder}:{ENVIRONMENT['PATH']}"})

    assert "certifi/core.py is not as its wheel has it" in done.stderr
    assert not project.artifact.exists()


def test_a_config_that_would_fail_in_every_run_is_refused_with_its_line(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", "pairs:\n  - source: too-short\n    target: liked\n")

    done = project.build()

    assert done.returncode != 0
    assert "config.yaml:2:13:" in done.stderr
    assert "config.yaml:3:13:" in done.stderr
    assert not project.artifact.exists()


LISTS = """
pairs:
  - name: lists
    source: [{file: pasted.txt}, {file: ./exports/liked songs.csv}]
    target: https://open.spotify.com/playlist/2mULMNIOjAkmgJvE6J7YhL
  - source: {file: gone.txt}
    target: https://open.spotify.com/playlist/2mULMNIOjAkmgJvE6J7YhL
    enabled: false
"""
SONG = "spotify:track:4iV5W9uYEdYUVa79Axb7Rh"


def test_the_files_that_pairs_read_are_in_it_where_the_config_says(tmp_path: Path) -> None:
    builds = []
    for folder in ("one", "other"):
        project = Project(tmp_path / folder, LISTS)
        (project.folder / "config" / "exports").mkdir()
        (project.folder / "config" / "pasted.txt").write_text(f"{SONG}\nand so on\n")
        (project.folder / "config" / "exports" / "liked songs.csv").write_text(f"Track URI\n{SONG}\n")

        done = project.build()

        assert done.returncode == 0, done.stderr
        assert "pasted.txt:2: 'and so on' is no link to a track" in done.stderr
        builds.append(project.artifact.read_bytes())
    with zipfile.ZipFile(project.artifact) as archive:
        config = {name: archive.read(name) for name in archive.namelist() if name.startswith("config/")}
    assert config.keys() == {"config/config.yaml", "config/exports/liked songs.csv", "config/pasted.txt"}
    assert config["config/pasted.txt"] == f"{SONG}\nand so on\n".encode()
    assert builds[0] == builds[1]


@pytest.mark.parametrize("path", ["~/songs.txt", "/mnt/songs.txt", "../songs.txt", "exports/../songs.txt"])
def test_a_file_outside_the_folder_of_the_config_cannot_be_packed(path: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", LISTS.replace("pasted.txt", path))

    done = project.build()

    assert done.returncode != 0
    assert f"{path} is not in config/" in done.stderr
    assert not project.artifact.exists()


def test_a_file_that_cannot_be_read_is_refused_before_it_is_deployed(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", LISTS)
    (project.folder / "config" / "pasted.txt").write_text("My favourites\n")

    done = project.build()

    assert done.returncode != 0
    assert "pasted.txt:1: 'My favourites' is no link to a track" in done.stderr
    assert not project.artifact.exists()


def test_a_python_that_cannot_tell_which_files_are_read_packs_none(tmp_path: Path, lambda_python: Path) -> None:
    project = Project(tmp_path / "project", LISTS)

    done = subprocess.run(  # noqa: S603 - our own command
        [lambda_python, "tools/build_lambda.py"],
        cwd=project.folder,
        env=ENVIRONMENT,
        check=False,
        text=True,
        capture_output=True,
    )

    assert done.returncode != 0
    assert "config/config.yaml names files, and " in done.stderr
    assert "PYTHON=" in done.stderr
    assert not project.artifact.exists()


def test_the_lock_pins_each_dependency_of_a_run_with_hashes_and_names_no_place() -> None:
    lock = (ROOT / "requirements-lambda.txt").read_text()
    asked = [
        Requirement(text) for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    ]
    needed = [requirement for requirement in asked if requirement.name not in ELSEWHERE]

    pinned = pins(lock)

    assert {one.name for one in needed} <= pinned.keys()
    assert all(pinned[one.name] in one.specifier for one in needed)
    assert not pinned.keys() & {*ELSEWHERE, "redis"}
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:", lock)) == len(pinned)
    assert "://" not in lock


def test_the_deploy_tool_is_locked_with_hashes_and_names_no_place() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    asked = json.loads((ROOT / "package.json").read_text())

    packages = {path: package for path, package in lock["packages"].items() if path}

    assert lock["packages"]["node_modules/osls"]["version"] == asked["devDependencies"]["osls"] == "4.3.1"
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [path for path, package in packages.items() if "resolved" in package]


def test_it_is_built_by_the_version_of_python_it_runs_on() -> None:
    """Else there would be no byte code to test, and MiniStack would run the artifact under another version."""
    assert sys.version_info[:2] == (3, 13)
