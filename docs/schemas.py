"""The JSON Schemas of the manifests, and the tables of their keys that formats.md shows."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"
DIGEST = "^[0-9a-f]{64}$"
LABEL = "^(19|2[0-9])[0-9]{2}(-(S[12]|N1|Q[1-4]|M(0[1-9]|1[0-2])))?$"
NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    # what the hub asks of a key beyond its type
    ("Manifest", "period"): {"pattern": LABEL},
    ("Manifest", "files"): {
        "required": ["observations.parquet", "quarantine.parquet"],
        "maxProperties": 2,
    },
}
PLAIN = {
    "string": "text",
    "boolean": "true or false",
    "date": "date",
    "date-time": "moment",
}
MARK = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)
Words = dict[str, dict[str, str]]


def files() -> dict[str, str]:
    """Each schema as the text of a file, by its name under docs/."""
    return {
        f"formats/{name}-1.schema.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in schemas().items()
    }


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each format 1, by its name."""
    from hub_core.model import exchange
    from hub_core.upkeep.backup import About

    models = {
        "landing": exchange.Landing,
        "submission": exchange.Manifest,
        "release": exchange.ReleaseManifest,
        "receipt": exchange.Receipt,
        "backup": About,
    }
    words = _words()
    found = {}
    for name, model in models.items():
        schema = model.model_json_schema()
        inner = schema.pop("$defs", {})
        found[name] = _head(name) | _described(model.__name__, schema, words)
        if inner:
            found[name]["$defs"] = {each: _described(each, inner[each], words) for each in inner}
    return found | {"catalogue": _head("catalogue") | _snapshot(words["Catalogue"])}


def formats_page() -> str:
    """Write the page of formats, with the tables of keys as the models have them now."""
    objects = dict(_objects())
    text = (HERE / "formats.md").read_text(encoding="utf-8")
    return MARK.sub(lambda mark: mark[1] + _table(objects[mark[2]]) + mark[3], text)


def _words() -> Words:
    found: Words = tomllib.loads((HERE / "formats" / "keys.toml").read_text(encoding="utf-8"))
    for name in ("Landing", "Manifest"):
        found[name] = found["OfAGather"] | found[name]
    return found


def _head(name: str) -> dict[str, Any]:
    return {"$schema": DRAFT, "$id": f"urn:lienthong:{name}:1"}


def _described(model: str, schema: dict[str, Any], words: Words) -> dict[str, Any]:
    """Return a model's schema in the words of keys.toml, which must have one for each key."""
    said = words[model]
    properties = {
        key: _untitled(schema) | NARROWER.get((model, key), {}) | {"description": said[key]}
        for key, schema in schema["properties"].items()
    }
    return {**schema, "title": said["title"], "description": said["says"], "properties": properties}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def _snapshot(said: dict[str, str]) -> dict[str, Any]:
    from hub_core.structures import TABLES

    tables = [f"catalogue/{name}" for name in TABLES]
    return {
        "title": said["title"],
        "description": said["says"],
        "type": "object",
        "properties": {name: {"type": "string", "description": said[name]} for name in tables},
        "patternProperties": {
            r"^dataflows/[^/]+\.toml$": {
                "type": "string",
                "description": said["dataflows/ID.toml"],
            }
        },
        "required": tables,
        "additionalProperties": False,
    }


def _objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the schemas by the name of its model, as the marks of the page say it."""
    names = {
        "landing": "Landing",
        "submission": "Manifest",
        "release": "ReleaseManifest",
        "receipt": "Receipt",
        "backup": "About",
    }
    for name, schema in schemas().items():
        yield from schema.get("$defs", {}).items()
        if name in names:
            yield names[name], schema


def _table(schema: dict[str, Any]) -> str:
    lines = ["| Key | Holds | Where it is absent | Meaning |", "| --- | --- | --- | --- |"]
    for key, held in schema["properties"].items():
        absent = (
            "must be there"
            if key in schema["required"]
            else f"`{json.dumps(held.get('default'), ensure_ascii=False)}` is meant"
        )
        lines.append(f"| `{key}` | {_holds(held)} | {absent} | {held['description']} |")
    return "\n".join(lines) + "\n"


def _holds(schema: dict[str, Any]) -> str:
    """Say what a key holds, in a word or two."""
    match schema:
        case {"$ref": ref}:
            title = _words()[ref.rpartition("/")[2]]["title"]
            held = f"[{title}](#{title.lower().replace(' ', '-')})"
        case {"anyOf": kinds}:
            held = " or ".join(map(_holds, kinds))
        case {"const": value}:
            held = f"`{value}`"
        case {"enum": words}:
            held = ", ".join(f"`{word}`" for word in words)
        case {"items": items}:
            held = f"list of {_holds(items)}"
        case {"additionalProperties": value}:
            held = f"object: text to {_holds(value)}"
        case {"pattern": pattern} if pattern == DIGEST:
            held = "sha256"
        case {"type": kind}:
            held = PLAIN.get(schema.get("format", kind), kind)
    return held
