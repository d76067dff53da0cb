"""OSCAL for the assessor's forms: the plan of action, and a security plan's statements for each system of a pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evidence.packs.content import System
from evidence.packs.mapping import NOT_STATED
from evidence.packs.oscal_parts import Book, Json, control_id, line, metadata, prop, resources

STATES: Final[Mapping[str, str]] = {  # a status as stated, in OSCAL's own words where it has one
    "Implemented": "implemented", "Partly implemented": "partial", "Met by an alternate control": "alternative",
    "Planned": "planned", "Not applicable": "not-applicable", "Not implemented": "not-implemented",
}  # fmt: skip


def plan_of_action(pack: Book, seen: Sequence[Json], risks: Sequence[Json]) -> Json | None:
    """Plan of action and milestones; None where nothing stood, for OSCAL has no empty one."""
    rows = pack.rows("plan-of-action")
    if not rows:
        return None
    known = {one["uuid"] for one in seen}, {one["uuid"] for one in risks}
    document: Json = {
        "uuid": pack.key("plan of action", pack.face.pack),
        "metadata": metadata(pack, f"{pack.face.pack}: plan of action"),
        "system-id": {"id": line(", ".join(system.name for system in pack.face.systems))},
        "poam-items": [item(pack, row, *known) for row in rows],
        "back-matter": {
            "resources": resources(pack, ["data/findings.csv", "data/verdicts.csv", "data/plan-of-action.csv"])
        },
    }  # fmt: skip
    if risks:
        document["observations"] = [
            {**one, "relevant-evidence": [{"href": "assessment-results.json", "description": "The same observation"}]}
            for one in seen
        ]
        document["risks"] = list(risks)
        document["local-definitions"] = {"components": [
            {"uuid": pack.key("tool"), "type": "software", "title": "Eastwest", "description": "What found it.",
             "status": {"state": "operational"}},
        ]}  # fmt: skip
        for one in document["observations"]:
            one.pop("subjects", None)  # the connections are defined in assessment-results.json
    return {"plan-of-action-and-milestones": document}


def item(pack: Book, row: Mapping[str, str], seen: set[str], risks: set[str]) -> Json:
    """One row of the plan. An empty plan is said, never filled with a proposal."""
    said = [prop("control", row["control"]), prop("owner", row["owner"]), prop("status", row["status"]),
            prop("due", row["due"]), prop("planned-action", row["planned_action"] or "none is recorded")]  # fmt: skip
    made: Json = {
        "uuid": pack.key("plan", row["id"]),
        "title": line(f"{row['id']} {row['weakness']}"),
        "description": line(f"{row['system']}, {row['about']}: {row['description']}"),
        "props": said,
    }
    observed, risk = pack.key("observation", row["id"]), pack.key("risk", row["id"])
    if observed in seen:
        made["related-observations"] = [{"observation-uuid": observed}]
    if risk in risks:
        made["related-risks"] = [{"risk-uuid": risk}]
    return made


def security_plans(pack: Book) -> dict[str, Json]:
    """Path → an SSP annex for each system; one system alone has no number in its file's name."""
    systems = pack.face.systems
    made = {}
    for number, system in enumerate(systems, start=1):
        path = "oscal/ssp-annex.json" if len(systems) == 1 else f"oscal/ssp-annex-{number}.json"
        rows = [row for row in pack.rows("ssp-annex") if row["system"] == system.name and row["framework"] == "ASD ISM"]
        if rows:
            made[path] = security_plan(pack, system, rows)
    return made


def security_plan(pack: Book, system: System, rows: Sequence[Mapping[str, str]]) -> Json:
    """What is stated of each ISM control at one system; what nobody stated is said as such and has no state."""
    whole, catalogue = pack.key("system", system.name), pack.key("catalogue", "ASD ISM")
    silent = sum(row["implementation_status_as_stated"] == NOT_STATED for row in rows)
    return {"system-security-plan": {
        "uuid": pack.key("security plan", pack.face.pack, system.name),
        "metadata": metadata(pack, f"{pack.face.pack}: SSP annex of {line(system.name)}"),
        "import-profile": {"href": f"#{catalogue}"},
        "system-characteristics": {
            "system-ids": [{"id": line(system.name)}],
            "system-name": line(system.name),
            "description": line(system.boundary_in, "No boundary is stated."),
            "security-sensitivity-level": line(system.classification),
            "system-information": {"information-types": [{
                "uuid": pack.key("information", system.name),
                "title": line(system.classification), "description": "The classification as the owner states it.",
            }]},
            "status": {"state": "other", "remarks": "Eastwest does not keep the life cycle of a system."},
            "authorization-boundary": {"description": boundary(system)},
        },
        "system-implementation": {
            "users": [{"uuid": pack.key("user", system.owner), "title": line(system.owner),
                       "role-ids": ["system-owner"]}],
            "components": [{
                "uuid": whole, "type": "this-system", "title": line(system.name),
                "description": line(system.inherited, "Nothing is stated as inherited."),
                "status": {"state": "other", "remarks": "Eastwest does not keep the life cycle of a system."},
            }],
        },
        "control-implementation": {
            "description": f"As the system's owner states it; {silent} of {len(rows)} controls are not stated.",
            "implemented-requirements": [requirement(pack, system, whole, row) for row in rows],
        },
        "back-matter": {"resources": [
            {"uuid": catalogue, "title": "ASD Information Security Manual",
             "description": "The publisher's OSCAL catalogue; not a file of this pack."},
            *resources(pack, ["data/ssp-annex.csv"]),
        ]},
    }}  # fmt: skip


def boundary(system: System) -> str:
    """What lies inside and outside, as stated."""
    return line(f"In: {system.boundary_in or 'not stated'} Out: {system.boundary_out or 'not stated'}")


def requirement(pack: Book, system: System, whole: str, row: Mapping[str, str]) -> Json:
    """One control as stated."""
    stated = row["implementation_status_as_stated"]
    made: Json = {
        "uuid": pack.key("requirement", system.name, row["control"]),
        "control-id": control_id(row["control"]),
        "props": [prop("status-as-stated", stated), prop("reference", row["reference_into_the_pack"])],
    }
    if stated == NOT_STATED:
        return made | {"remarks": "Nobody stated it by the cut-off."}
    made["by-components"] = [{
        "component-uuid": whole, "uuid": pack.key("statement", system.name, row["control"]),
        "description": line(row["comments"]),
        "implementation-status": {"state": STATES.get(stated, "other"), "remarks": f"As {row['stated_by']} stated."},
    }]  # fmt: skip
    return made
