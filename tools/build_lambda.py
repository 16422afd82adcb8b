"""Build the Lambda artifact: locked wheels of the target platform, syncer, schemas, the config and what that needs.

The same inputs and the same minor version of Python give the same bytes, in any folder. Needs the standard library
and pip (or uv). `npx serverless deploy` runs it by itself.
"""

import argparse
import base64
import csv
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncer.model import Config

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements-lambda.txt"
CONFIG: Final = ROOT / "config" / "config.yaml"
PLATFORMS: Final = {"x86_64": "x86_64", "arm64": "aarch64"}
"""What Lambda calls an architecture, and what wheels call it."""
MANYLINUX: Final = (*(f"manylinux_2_{minor}" for minor in range(28, 16, -1)), "manylinux2014")
"""What wheels call the systems whose programs run in Lambda, the newest first: uv knows these by the first of them."""

PATTERNS_NEED: Final = frozenset({"google-re2"})
FUZZY_NEEDS: Final = frozenset({"anyascii", "jellyfish"})
FOR_SOME: Final = PATTERNS_NEED | FUZZY_NEEDS
"""Packages of the lock that few configs need; the artifacts of the others are without them."""
SIGNS: Final = {
    "names files": rb"\bfile[\"']?\s*:",
    "has what looks like a pattern": rb"(?:^|[\s\"'\[,:\\])/(?!/)",
    "says 'fuzzy'": rb"\bfuzzy\b",
}
"""What tells a Python that cannot read the config that it may need more than itself. Better too often than not."""

OURS_LEFT_OUT: Final = frozenset({"__main__.py", "cli", "sandbox"})
THEIRS_LEFT_OUT: Final = frozenset({"bin", "test", "tests"})
SOURCES_LEFT_OUT: Final = frozenset({".c", ".pxd", ".pyi", ".pyx", ".typed"})
INFO_KEPT: Final = ("METADATA", "LICENSE", "NOTICE", "licenses/")

SERVICES: Final = {"dynamodb", "secretsmanager", "sqs"}
"""The AWS services that are called. botocore brings a folder for each of more than 400, 17 MB zipped."""
LATIN: Final = frozenset("000 001 002 01d 01e 020 021 027 02c 0a7 0ab 0fb 1df".split())  # noqa: SIM905 - reads better
"""The blocks of 256 characters with Latin letters: of no others is anyascii asked. It brings 640, each in a file."""

STANDS_IN: Final = {
    # spotipy.cache_handler names this class when it is imported; nothing else of redis is ever used.
    "redis/__init__.py": b'"""Stands in for redis, of which spotipy only names this."""\n\n\n'
    b"class RedisError(Exception):\n    pass\n",
}

EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--runtime", default="python3.13")
    options.add_argument("--arch", choices=PLATFORMS, default="x86_64")
    options.add_argument("--out", type=Path, default=Path("build/lambda.zip"))
    asked = options.parse_args()
    version: str = asked.runtime.removeprefix("python")
    config = checked_config()
    lists, needed = (dict(files_read_by(config)), needed_by(config)) if config else ({}, frozenset())
    with tempfile.TemporaryDirectory() as folder:
        wheels, stage, lock = Path(folder, "wheels"), Path(folder, "stage"), Path(folder, "lock.txt")
        lock.write_text(lock_without(FOR_SOME - needed), encoding="utf-8")
        install(wheels, lock, version, PLATFORMS[asked.arch])
        for name, content in sorted({**dict(theirs(wheels)), **STANDS_IN, **lists, **dict(ours())}.items()):
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(content)
        add_byte_code(stage, version)
        pack(stage, asked.out)
    data = asked.out.read_bytes()
    print(f"{asked.out}: {len(data):,} bytes, {asked.runtime} {asked.arch}, sha256 {hashlib.sha256(data).hexdigest()}")


def checked_config() -> "Config | None":
    """Return the config; None if this Python has not what it takes to read it. Refuse what would fail in every run."""
    sys.path.insert(0, str(ROOT))
    try:
        return config_as_runs_read_it()
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "syncer":
            raise
        lacks = f"{sys.executable} has no {missing.name}"
    text = re.sub(rb"^[ \t]*#.*", b"", CONFIG.read_bytes(), flags=re.MULTILINE)
    for needs_more, sign in SIGNS.items():
        if re.search(sign, text, re.MULTILINE):
            sys.exit(
                f"config/config.yaml {needs_more}, and {lacks} to tell what to pack for it:"
                " choose another with PYTHON=..."
            )
    say(f"config/config.yaml is not checked: {lacks}")
    return None


def config_as_runs_read_it() -> "Config":
    from syncer import config  # noqa: PLC0415 - importing it needs packages that a bare Python has not
    from syncer.errors import ConfigError  # noqa: PLC0415 - the same

    try:
        return config.load(CONFIG)
    except ConfigError as error:
        sys.exit("\n".join(map(str, error.problems)))


def needed_by(config: "Config") -> frozenset[str]:
    """Return which of FOR_SOME the function will import.

    Every run reads the whole config, as was done here: a pattern takes RE2 wherever it stands, if no pair uses it, too.
    """
    from syncer.model import Match  # noqa: PLC0415 - config_as_runs_read_it found it in reach

    is_fuzzy = any(pair.enabled and pair.match is Match.FUZZY for pair in config.pairs)
    return (PATTERNS_NEED if "re2" in sys.modules else frozenset()) | (FUZZY_NEEDS if is_fuzzy else frozenset())


def files_read_by(config: "Config") -> Iterator[tuple[str, bytes]]:
    """Yield the files that are sources, where the function will look for them; refuse one that would not be there."""
    from syncer import tracklist  # noqa: PLC0415 - config_as_runs_read_it found it in reach
    from syncer.errors import FileUnreadable  # noqa: PLC0415 - the same
    from syncer.model import FileSource  # noqa: PLC0415 - the same

    sources = (source for pair in config.pairs if pair.enabled for source in pair.sources)
    for source in dict.fromkeys(source for source in sources if isinstance(source, FileSource)):
        path = PurePosixPath(source.written)
        if path.is_absolute() or ".." in path.parts or source.written.startswith("~"):
            sys.exit(
                f"{source.written} is not in config/, and the function has no files but those of the artifact:"
                " move it there and write its path from there"
            )
        try:
            warnings = tracklist.read(source).warnings
        except FileUnreadable as error:
            sys.exit(f"{error}: {error.hint}")
        for warning in warnings:
            say(warning)
        yield PurePosixPath("config", path).as_posix(), Path(source.path).read_bytes()


def lock_without(packages: Collection[str]) -> str:
    """Return the lock without the entries of *packages*."""
    entries = re.split(r"^(?=[a-z])", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(entry for entry in entries if entry.partition("==")[0] not in packages)


def install(target: Path, lock: Path, version: str, machine: str) -> None:
    """Unpack the wheels of the *lock* into *target*; each must have the hash that the lock says."""
    common = ["--target", str(target), "--python-version", version, "--only-binary=:all:", "--no-deps"]
    common += ["--require-hashes", "-r", str(lock)]
    uv = shutil.which("uv")
    if uv:
        # Copies, not hard links: whatever edits an installed file must not reach uv's cache, nor the cache us.
        command = [uv, "pip", "install", "-q", "--link-mode", "copy"]
        command += ["--python-platform", f"{machine}-{MANYLINUX[0]}", *common]
    elif importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check"]
        command += [word for system in MANYLINUX for word in ("--platform", f"{system}_{machine}")]
        command += ["--implementation", "cp", *common]
    else:
        sys.exit(f"there is no uv, and {sys.executable} has no pip: one of them is needed to unpack the wheels")
    run(command, or_else="the wheels of the lock could not be had")


def theirs(wheels: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what is wanted of the unpacked *wheels*: only files that a wheel lists, as that wheel has them.

    The hashes of the lock cover the wheels; this covers the files, which caches and hooks may have changed since.
    """
    for record in wheels.glob("*.dist-info/RECORD"):
        for name, digest, _ in csv.reader(record.read_text(encoding="utf-8").splitlines()):
            if not is_wanted(PurePosixPath(name)):
                continue
            content = (wheels / name).read_bytes()
            kind, _, expected = digest.partition("=")
            actual = base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).rstrip(b"=").decode()
            if actual != expected:
                sys.exit(f"{name} is not as its wheel has it: clear the package cache and try again")
            yield name, content


def is_wanted(path: PurePosixPath) -> bool:
    """Whether the function needs this file of a dependency; licences stay."""
    top, *folders = path.parts[:-1] or ("",)
    if top.endswith(".dist-info"):
        return str(path.relative_to(top)).startswith(INFO_KEPT)
    if top == ".." or THEIRS_LEFT_OUT & {top, *folders} or path.suffix in SOURCES_LEFT_OUT:
        return False
    match (top, *folders):
        case ("boto3", "data" | "examples", *_):
            return False
        case ("botocore", "data", service, *_):
            return service in SERVICES
        case ("anyascii", "_data"):
            return path.suffix == ".py" or path.name in LATIN
    return True


def ours() -> Iterator[tuple[str, bytes]]:
    """Yield the package without its command line and sandbox, the config and the schemas; nothing that lies beside."""
    package = (path for path in (ROOT / "syncer").rglob("*.py") if path.relative_to(ROOT).parts[1] not in OURS_LEFT_OUT)
    for path in (*package, *(ROOT / "schemas").glob("*.json"), CONFIG):
        yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def add_byte_code(stage: Path, version: str) -> None:
    """Compile *stage*, for Lambda cannot: its code folder is read-only, and compiling anew takes most of a cold start.

    Byte code depends on the minor version alone; without time stamps it is the same in every build.
    """
    if version != "{}.{}".format(*sys.version_info):
        say(f"no byte code, so starts are slower: this is {sys.version.split()[0]}, not {version}")
        return
    # A process of its own: what is imported here already would show in the bytes.
    command = [sys.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(stage), "-p", "/var/task", str(stage)]
    run(command, or_else="what is to be packed does not compile")


def pack(stage: Path, out: Path) -> None:
    """Zip *stage*: in order, without owners and times."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(path for path in stage.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), EPOCH)
            entry.create_system = 3  # Unix, whatever builds it
            entry.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def run(command: list[str], *, or_else: str) -> None:
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own words and paths, no shell
        sys.exit(or_else)


def say(what: str) -> None:
    print(f"build_lambda: {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
