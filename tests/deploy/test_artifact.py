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
import yaml
from packaging.requirements import Requirement

from syncer.sandbox.scenery import Media, spotify_id
from syncer.sandbox.server import SandboxServer
from syncer.sandbox.world import World
from tests.deploy.runtime_api import Lambda, unpack
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


def without_uv(folder: Path) -> dict[str, str]:
    return ENVIRONMENT | {"PATH": str(folder)}


def test_pip_and_uv_build_the_same_bytes_in_different_folders(packaged: Project, project: Project) -> None:
    assert project.build(environment=without_uv(project.folder)).returncode == 0

    assert shutil.which("uv", path=ENVIRONMENT["PATH"])
    assert project.artifact.read_bytes() == packaged.artifact.read_bytes()


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

    assert {folder[0] for folder in folders if folder} == {"dynamodb", "secretsmanager", "sqs"}
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


def build_with(python: Path, project: Project, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [python, "tools/build_lambda.py"],
        cwd=project.folder,
        env=ENVIRONMENT | environment,
        check=False,
        text=True,
        capture_output=True,
    )


IN_NEED: dict[str, tuple[str, ...]] = {
    "names files": ("source: {file: pasted.txt}", 'source: {"file" : pasted.txt}', "name: '# 1', file: pasted.txt"),
    "has what looks like a pattern": (
        "exclude: {title: /live/}",
        "exclude: {title: [remix, '/live/']}",
        "exclude: {title: [remix,/live/]}",
        'exclude: {"title":/live/}',
        'exclude: {title: "\\/live/"}',
        "exclude:\n    title:\n    - Live # not\n    - /live/",
    ),
    "says 'fuzzy'": ("match: fuzzy", 'match: "fuzzy"'),
}
"""What a config needs more than itself, and how it may be written."""


@pytest.mark.parametrize(("what", "line"), [(what, line) for what, lines in IN_NEED.items() for line in lines])
def test_a_python_that_cannot_tell_what_a_config_needs_packs_nothing(
    what: str, line: str, project: Project, lambda_python: Path
) -> None:
    (project.folder / "config" / "config.yaml").write_text(f"pairs:\n  - source: liked\n    {line}\n")

    done = build_with(lambda_python, project)

    assert done.returncode != 0
    assert f"config/config.yaml {what}, and " in done.stderr
    assert "PYTHON=" in done.stderr
    assert not project.artifact.exists()


@pytest.mark.parametrize("has", [(), ("yaml",)], ids=["nothing", "half of it"])
def test_a_python_that_cannot_read_the_config_packs_one_that_needs_nothing(
    has: tuple[str, ...], packaged: Project, project: Project, lambda_python: Path, tmp_path: Path
) -> None:
    """The shipped one has a file in its comments, and links."""
    for name in has:
        (tmp_path / name).symlink_to(Path(yaml.__file__).parent)

    done = build_with(lambda_python, project, PYTHONPATH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "config/config.yaml is not checked: " in done.stderr
    assert project.artifact.read_bytes() == packaged.artifact.read_bytes()


def test_a_python_that_cannot_try_a_pattern_packs_none(project: Project, tmp_path: Path) -> None:
    (project.folder / "config" / "config.yaml").write_text(CHOOSY)
    (tmp_path / "re2.py").write_text("raise ModuleNotFoundError")

    done = project.build(environment=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)})

    assert done.returncode != 0
    assert "need the package google-re2, which is not installed here" in done.stderr
    assert not project.artifact.exists()


# --- packages that few configs need -----------------------------------------------------------------------------------

FOR_SOME = {"anyascii", "jellyfish", "re2"}
TO_NEW = "https://open.spotify.com/playlist/2mULMNIOjAkmgJvE6J7YhL"
NEEDS = {
    "nothing more": (
        f"""
pairs:
  - {{source: liked, target: {TO_NEW}, exclude: {{artist: AC/DC, title: [live, '1/2']}}}}
  - {{source: saved_albums, target: {TO_NEW}, match: recording}}
  - {{source: queue, target: {TO_NEW}, match: fuzzy, enabled: false}}
""",
        set(),
    ),
    "patterns, if only to read a pair that is switched off": (
        f"pairs: [{{source: liked, target: {TO_NEW}, exclude: {{title: /live/}}, enabled: false}}]",
        {"re2"},
    ),
    "patterns, if only to read defaults that no pair takes over": (
        f"""
defaults: {{exclude: {{title: /live/}}, match: fuzzy}}
pairs: [{{source: liked, target: {TO_NEW}, exclude: none, match: uri}}]
""",
        {"re2"},
    ),
    "fuzzy": (f"pairs: [{{source: liked, target: {TO_NEW}, match: fuzzy}}]", {"anyascii", "jellyfish"}),
}


def packages_of(artifact: Path) -> set[str]:
    """The packages in *artifact* that few configs need."""
    return FOR_SOME & {name.partition("/")[0] for name in names(artifact)}


def test_the_shipped_config_needs_none_of_the_packages_that_few_do(packaged: Project) -> None:
    assert not packages_of(packaged.artifact)


@pytest.mark.parametrize(("config", "needed"), NEEDS.values(), ids=NEEDS)
def test_it_brings_the_packages_that_its_config_needs_and_no_others(
    config: str, needed: set[str], tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", config)

    done = project.build()

    assert done.returncode == 0, done.stderr
    assert packages_of(project.artifact) == needed


CHOOSY = f"""
pairs:
  - name: choosy
    source: https://open.spotify.com/playlist/5ieJqeLJjjI8iJWaxeBLuK
    target: {TO_NEW}
    exclude: {{title: '/\\blive\\b/'}}
    match: fuzzy
"""


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with a config that needs all that some do."""
    project = Project(tmp_path_factory.mktemp("choosy"), CHOOSY)
    done = project.build()
    assert done.returncode == 0, done.stderr
    return project


def song(title: str) -> Media:
    """A track of that title, and like all the others of this function but for that."""
    uri = f"spotify:track:{spotify_id(title)}"
    return Media(uri=uri, name=title, artists=("Ada Marlow",), album="Rivers 1999", duration_ms=200_000)


def test_they_are_all_that_a_run_takes_to_look_for_patterns_and_match_by_title(
    choosy: Project, lambda_python: Path, world: World, sandbox: SandboxServer, tmp_path: Path
) -> None:
    sign_in = world.sign_in()
    credentials = tmp_path / "credentials.json"
    credentials.touch(mode=0o600)
    credentials.write_text(
        json.dumps(
            {
                "spotify_client_id": world.app.client_id,
                "spotify_client_secret": world.app.client_secret,
                "refresh_token": sign_in.refresh_token,
            }
        )
    )
    fresh = ["A Day Out (Live)", "Røde Łódź", "Intentional Rivers", "Something Else"]
    world.playlist("Fresh", id="5ieJqeLJjjI8iJWaxeBLuK", items=map(song, fresh))
    world.playlist("Old", id="2mULMNIOjAkmgJvE6J7YhL", items=map(song, ["Rode Lodz", "Intentoinal Rivers"]))
    environment = {
        "SPOTIFY_API_URL": sandbox.api_url,
        "SPOTIFY_ACCOUNTS_URL": sandbox.accounts_url,
        "SYNCER_CREDENTIALS_FILE": str(credentials),
    }

    with Lambda(choosy.artifact, tmp_path, python=lambda_python, environment=environment) as function:
        answer = function.invoke({"dry_run": True})

    (pair,) = answer.body["pairs"]
    assert [item["name"] for item in pair["items"]] == ["Something Else"]
    assert pair["skipped"] == {"excluded": 1, "already-there": 2}


def test_of_anyascii_it_brings_the_letters_that_are_ever_looked_up(
    choosy: Project, lambda_python: Path, tmp_path: Path
) -> None:
    task = unpack(choosy.artifact, tmp_path / "task")
    look_up_everything = (
        "import anyascii; from syncer.titles import bare\n"
        "for code in range(0x110000): bare(chr(code))\n"
        "print(*(f'{number:03x}' for number, block in anyascii._blocks.items() if block))\n"
        "print(*(f'{number:03x}' for number, block in anyascii._blocks.items() if not block))\n"
    )

    done = subprocess.run(  # noqa: S603 - our own command
        [lambda_python, "-c", look_up_everything], cwd=task, check=True, text=True, capture_output=True
    )

    found, missed = (set(line.split()) for line in done.stdout.split("\n")[:2])
    brought = {path.name for path in (task / "anyascii" / "_data").iterdir() if path.is_file()}
    assert found == brought - {"__init__.py"}
    assert not missed


def test_with_those_packages_too_pip_and_uv_build_the_same_bytes(choosy: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", CHOOSY)

    assert project.build(environment=without_uv(tmp_path)).returncode == 0

    assert project.artifact.read_bytes() == choosy.artifact.read_bytes()
    assert choosy.artifact.stat().st_size <= 7_000_000


@pytest.mark.parametrize("arch", MACHINES)
def test_compiled_modules_are_for_the_architecture_asked_for(arch: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", CHOOSY)

    assert project.build("--arch", arch).returncode == 0

    with zipfile.ZipFile(project.artifact) as archive:
        headers = [archive.read(name)[:20] for name in archive.namelist() if name.endswith(".so")]
    assert len(headers) == 6
    assert all(header[:4] == b"\x7fELF" for header in headers)
    assert {int.from_bytes(header[18:20], "little") for header in headers} == {MACHINES[arch]}


# --- locks ------------------------------------------------------------------------------------------------------------


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
