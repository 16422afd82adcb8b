"""Holds answers against the OpenAPI document, with the tolerated differences built in."""

import copy
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml
from jsonschema import Draft202012Validator

HERE: Final = Path(__file__).parent
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII)
DOCUMENT: Final = HERE / "fixed-spotify-open-api.yml"

Tolerated = Mapping[str, Any]


@cache
def document() -> dict[str, Any]:
    """Return the document as it was published."""
    loaded: dict[str, Any] = yaml.load(DOCUMENT.read_bytes(), Loader=yaml.CSafeLoader)
    return loaded


def digest() -> str:
    return hashlib.sha256(DOCUMENT.read_bytes()).hexdigest()


def tolerated() -> list[Tolerated]:
    """Return the differences we live with, one per line of the file."""
    loaded: list[Tolerated] = yaml.safe_load((HERE / "tolerated.yaml").read_text(encoding="utf-8"))
    return loaded


class Conformity:
    """The document with *differences* allowed."""

    def __init__(self, differences: Iterable[Tolerated]) -> None:
        self._document = copy.deepcopy(document())
        _spell_out_nulls(self._document["components"])
        for each in differences:
            _allow(self._document["components"]["schemas"][each["schema"]], each)

    def problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer; a status that the document does not know is itself a problem."""
        response = self._document["paths"][path][method.lower()]["responses"].get(str(status))
        if response is None:
            return [f"{method} {path} does not answer {status}"]
        content = self._resolved(response).get("content")
        if content is None:
            return [] if body is None else [f"{method} {path} answers {status} without a body"]
        schema = content["application/json"]["schema"]
        whole = {"components": self._document["components"], **schema}
        return [
            f"{error.json_path}: {error.message}"
            for error in _leaves(Draft202012Validator(whole, format_checker=_FORMATS).iter_errors(body))
        ]

    def _resolved(self, value: Any) -> Any:
        if "$ref" not in value:
            return value
        found: Any = self._document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return found


_FORMATS: Final = jsonschema.FormatChecker()


@_FORMATS.checks("date-time")
def _is_timestamp(value: object) -> bool:
    """Whether *value* is a moment in UTC, to the second or to the millisecond, as plays have it."""
    return not isinstance(value, str) or _TIMESTAMP.fullmatch(value) is not None


def _leaves(errors: Iterable[jsonschema.ValidationError]) -> list[jsonschema.ValidationError]:
    """Return what really failed: of alternatives, the one that came nearest."""
    return [jsonschema.exceptions.best_match([error]) for error in errors]


def _spell_out_nulls(value: Any) -> None:
    """Put ``nullable`` of OpenAPI 3.0 into the words of JSON Schema, everywhere in *value*."""
    if isinstance(value, list):
        for inner in value:
            _spell_out_nulls(inner)
    if isinstance(value, dict):
        for inner in value.values():
            _spell_out_nulls(inner)
        if value.get("nullable") is True:
            _make_nullable(value)


def _make_nullable(schema: dict[str, Any]) -> None:
    schema.pop("nullable", None)
    before = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "null"}, before]


def _allow(schema: dict[str, Any], difference: Tolerated) -> None:
    """Allow a property to be missing or null; ``name[]`` is about the entries of a list."""
    name, entries = difference["property"].removesuffix("[]"), difference["property"].endswith("[]")
    parts = [schema, *schema.get("allOf", ())]
    if difference["may_be"] == "missing":
        next(part for part in parts if name in part.get("required", ()))["required"].remove(name)
    elif difference["may_be"] is None:
        found = next(part["properties"][name] for part in parts if name in part.get("properties", ()))
        _make_nullable(found["items"] if entries else found)
    else:
        raise ValueError(f"unknown difference: {difference}")
