"""The API: the corpus through every property of every body and every parameter that its OpenAPI document names."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from tests.matrix import api
from tests.matrix.world import OURS, THEIRS, World
from tests.payloads.tally import Tally

Leaf = tuple[str | int, ...]


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    said: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return said


def program(world: World) -> Client:
    """A program of every role a token may have, for our system."""
    _, token = api.token_of(world, ["requester", "engineer", "auditor"], [world.sides[OURS].system])
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


def send(world: World, tally: Tally, payloads: Sequence[str]) -> None:
    """Every operation: each parameter and each property of the body a payload, and the ids of what is not ours."""
    said, client, side = document(), program(world), world.sides[OURS]
    for template, methods in said["paths"].items():
        route = api.route_of(template)
        row = api.API[route]
        key = {"name": side.app.name} if row.thing == "app" else {}
        if row.thing and row.thing != "app":
            key = {"number": side.things[row.thing].pk}
        path = reverse(route, kwargs=key)
        for method, operation in methods.items():
            if method == "get":
                asked(client, route, path, operation, tally, payloads)
            else:
                posted(client, world, route, path, schema_of(operation, said), tally, payloads)


def asked(client: Client, route: str, path: str, operation: Any, tally: Tally, payloads: Sequence[str]) -> None:
    """A list with payloads as its parameters."""
    tally.look(route, client.get(path))
    names = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    for name in names:
        tally.fields.add(f"GET {route} {name}")
        for payload in payloads:
            tally.post(f"{route}?{name}={payload[:50]!r}", client.get(path, {name: payload}))


def posted(
    client: Client, world: World, route: str, path: str, schema: Any, tally: Tally, payloads: Sequence[str]
) -> None:
    """A body with payloads in its properties, one at a time; bodies that are none; names of what is not ours."""
    valid = api.body(route, world.sides[OURS])
    for leaf in leaves(schema, valid):
        label = ".".join(map(str, leaf))
        tally.fields.add(f"POST {route} {label}")
        for payload in payloads:
            answer = sent(client, path, with_leaf(valid, leaf, payload))
            tally.post(f"{route} {label} ← {payload[:50]!r}", answer)
        for foreign in (world.sides[THEIRS].system.name, world.sides[THEIRS].app.name, str(10**9)):
            answer = sent(client, path, with_leaf(valid, leaf, foreign))
            tally.post(f"{route} {label} ← foreign {foreign}", answer)
            if leaf == ("system",) and answer.status_code < 400:
                tally.leaks.append(f"{route}: takes the foreign system {foreign}")
    for payload in payloads:
        for body in (payload, [payload], {payload: payload}, json.dumps(payload)[:-1]):
            tally.post(f"{route} ← body {payload[:50]!r}", sent(client, path, body))


def sent(client: Client, path: str, body: Any) -> HttpResponse:
    """The answer; nothing of it is kept."""
    with transaction.atomic():
        answer: HttpResponse = client.post(path, body, content_type="application/json")  # type: ignore[assignment]
        transaction.set_rollback(True)
    return answer


def schema_of(operation: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's body, its references followed."""
    return followed(operation["requestBody"]["content"]["application/json"]["schema"], said)


def followed(schema: Any, said: dict[str, Any]) -> Any:
    """A schema without references."""
    if isinstance(schema, list):
        return [followed(one, said) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return followed(said["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], said)
    return {name: followed(one, said) for name, one in schema.items()}


def leaves(schema: dict[str, Any], valid: Any, at: Leaf = ()) -> Iterator[Leaf]:
    """Where a body holds a value: each property that the schema names, and each that the valid body has beside."""
    parts = [schema, *schema.get("allOf", []), *schema.get("oneOf", []), *schema.get("anyOf", [])]
    properties: dict[str, Any] = {}
    for part in parts:
        properties |= part.get("properties", {})
    names = [*properties, *(name for name in (valid if isinstance(valid, dict) else {}) if name not in properties)]
    if not names:
        yield at
        items = next((part["items"] for part in parts if "items" in part), None)
        if items is not None:
            yield from leaves(items, valid[0] if isinstance(valid, list) and valid else "", (*at, 0))
    for name in names:
        inner = valid.get(name) if isinstance(valid, dict) else None
        yield from leaves(properties.get(name, {}), inner, (*at, name))


def with_leaf(valid: Any, leaf: Leaf, value: Any) -> Any:
    """The valid body with a value at one place."""
    if not leaf:
        return value
    if isinstance(leaf[0], int):
        return [with_leaf("", leaf[1:], value)]
    body = copy.deepcopy(valid) if isinstance(valid, dict) else {}
    body[leaf[0]] = with_leaf(body.get(leaf[0]), leaf[1:], value)
    return body


def push(world: World, tally: Tally, payloads: Sequence[str], bearer: str) -> None:
    """A host that pushes dumps: names and contents of files, and the field they come under."""
    client = Client(headers={"Authorization": f"Bearer {bearer}"}, raise_request_exception=False)
    for name in ("file name", "content", "field"):
        tally.fields.add(f"push {name}")
    for payload in payloads:
        content = payload.encode("utf-8", "replace") or b"x"
        field = payload.replace("\r", "").replace("\n", "").replace('"', "")[:100] or "dumps"
        with transaction.atomic():
            body = {field: SimpleUploadedFile(payload[:200] or "x", content)}
            tally.post(f"push ← {payload[:50]!r}", client.post(reverse("push"), body))  # type: ignore[arg-type]
            transaction.set_rollback(True)
