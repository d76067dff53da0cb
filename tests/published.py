"""Catalogues as ASD publishes them, of a few made-up controls."""

from __future__ import annotations

import json
from typing import Any

ISM = "https://cyber.gov.au/ns/ism/oscal/"
NOW = {"ism-1479": "Servers keep to themselves.", "ism-1182": "Segments are limited.", "ism-9001": "Cats are fed."}


def control(name: str, prose: str, *, revision: str = "1", namespace: str = "1.0", **more: Any) -> dict[str, Any]:
    """A control as ASD writes it."""
    ns = f"{ISM}{namespace}"
    props = [
        {"name": "sort-id", "value": "catalog[1].group[22]"}, {"name": "revision", "ns": ns, "value": revision},
        {"name": "updated", "ns": ns, "value": "Jun-24"},
        *({"name": "applicability", "ns": ns, "value": level} for level in ("NC", "OS", "P")),
    ]  # fmt: skip
    parts = [{"id": f"{name}_smt", "name": "statement", "prose": prose}]
    return {"id": name, "class": "ISM-control", "title": f"Control: {name}", "props": props, "parts": parts, **more}


def catalogue(said: dict[str, str], *, version: str = "2025.12.9", day: str = "2025-12-09", **more: Any) -> bytes:
    """A whole catalogue, two groups deep."""
    made = [control(name, prose, **more) for name, prose in said.items()]
    topic = {"title": "Functional separation between servers", "controls": made}
    metadata = {
        "title": "Information Security Manual", "version": version, "published": f"{day}T04:26:43Z",
        "oscal-version": "1.1.2",
    }  # fmt: skip
    return json.dumps(
        {"catalog": {"metadata": metadata, "groups": [{"title": "Networking", "groups": [topic]}]}}
    ).encode()
