"""What the documentation shows as a config, run as it stands against what `syncer sandbox` serves."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from syncer import options
from syncer.sandbox import track
from syncer.sandbox.demo import stage
from tests.cli.process import Machine, machine

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = ("discover-weekly.md", "sources.md", "options.md")


def recipes() -> Iterator[tuple[str, str]]:
    """Yield each config of the pages, with the page and the headline it stands under."""
    for page in PAGES:
        for section in re.split(r"^## ", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE):
            for config in re.findall(r"^```yaml\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL):
                yield f"{page}: {section.splitlines()[0]}", config


RECIPES = dict(recipes())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path, world=stage().world) as made:
        yield made


def write(desk: Machine, recipe: str) -> None:
    """Write down the config, and what it names beside it."""
    desk.config.parent.mkdir(exist_ok=True)
    desk.config.write_text(RECIPES[recipe], encoding="utf-8")
    beside = desk.config.parent
    unheard, friend = track(1, "unheard"), desk.world.users["friend"]
    desk.world.know(unheard)
    desk.world.like([track(2, "unheard")], friend)
    (beside / "pasted.txt").write_text(f"https://open.spotify.com/track/{'7' * 22}?si=1\n", encoding="utf-8")
    (beside / "songs.csv").write_text(f"Title,ISRC\nsomething,{unheard.isrc}\n", encoding="utf-8")
    desk.sign_in()
    mine = (desk.folder / "credentials.json").read_text(encoding="utf-8")
    desk.environ.pop("SYNCER_CREDENTIALS_FILE")
    hers = desk.world.sign_in(user=friend)
    for name, credentials in {
        "me.json": json.loads(mine),
        "anna.json": json.loads(mine) | {"refresh_token": hers.refresh_token, "access_token": "", "expires_at": 0},
    }.items():
        path = beside / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(credentials), encoding="utf-8")
    if "accounts" not in RECIPES[recipe]:
        desk.environ["SYNCER_CREDENTIALS_FILE"] = str(beside / "me.json")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_adds_something_and_then_nothing(desk: Machine, recipe: str) -> None:
    archive = next(one for one in desk.world.playlists.values() if one.name == "Discover archive")
    write(desk, recipe)
    assert desk.run("validate").code == 0
    before = archive.uris
    first = desk.run("run", "--format", "json", *at_once(recipe))

    if "older than November 2024" in recipe:
        assert first.json["pairs"][0]["error"]["code"] == "source-spotify-made"
        desk.world.app.reads_spotify_made = True
        first = desk.run("run", "--format", "json")
    assert first.code == 0, first.err
    assert before in (archive.uris[: len(before)], archive.uris[-len(before) :])
    for pair in first.json["pairs"]:
        assert pair["status"] in ("added", "disabled") or pair["skipped"].get("already-there"), pair
    assert first.json["added"] > 0
    assert desk.run("run", "--format", "json", *at_once(recipe)).json["added"] == 0


def at_once(recipe: str) -> list[str]:
    """Return what gives every pair its turn, whatever day it is."""
    names = re.findall(r"- name: (\S+)", RECIPES[recipe])
    return [word for name in names for word in ("--pair", name)]


def test_the_pages_have_a_recipe_for_every_kind_of_source() -> None:
    written = "\n".join(RECIPES.values())
    for kind in ("liked", "album/", "saved_albums", "artist:", "top:", "show/", "saved_episodes", "file:", "account:"):
        assert kind in written
    for kind in ("recently_played", "queue"):
        assert f"{kind}:\n        context:" in written
        assert f"source: {kind}\n" in written


def test_the_page_about_options_has_a_recipe_for_every_one() -> None:
    recipes = [yaml.safe_load(config) for recipe, config in RECIPES.items() if recipe.startswith("options.md")]
    pairs = [pair for recipe in recipes for pair in recipe["pairs"]]
    targets = [pair["target"] for pair in pairs if isinstance(pair["target"], dict)]

    assert {key for pair in pairs for key in pair} == options.KNOWN | {"name", "source", "target"}
    assert {key for target in targets for key in target} == {"create", "description", "public", "playlist", "roll_over"}
    assert {target["create"] for target in targets if "{" in target.get("create", "")}


def test_what_the_page_about_options_refers_to_is_there() -> None:
    text = (DOCS / "options.md").read_text(encoding="utf-8")
    written = re.findall("^## (.*)$", text, flags=re.MULTILINE)
    headlines = {re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-") for line in written}

    assert set(re.findall(r"\(#([a-z-]+)\)", text)) <= headlines
