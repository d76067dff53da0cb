"""OSCAL assessment results from the lists of a pack: what was examined, what was found, what it rests on.

A self-assessment. It never says `satisfied`: while something stands open or is not known a finding says `not-satisfied`
with the counts; where nothing stands, no finding is made and the assessor concludes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from evidence.packs import verify
from evidence.packs.content import Face
from evidence.packs.manifest import Member, Provenance
from evidence.packs.oscal_forms import plan_of_action, security_plans
from evidence.packs.oscal_parts import (
    CONTROL,
    Book,
    Json,
    book,
    control_id,
    line,
    metadata,
    prop,
    resources,
    rests_on,
    written,
)
from evidence.packs.section import Section

LISTS: Final = ("verdicts", "findings", "connections", "points", "changes", "plan-of-action", "ssp-annex")
TRANSPORTS: Final = ("tcp", "udp")
LIST = "data/verdicts.csv"


def oscal_members(face: Face, sections: Sequence[Section], members: Sequence[Member]) -> list[Member]:
    """The OSCAL files of a pack. `members`: its other files, which they name with their hashes."""
    pack = book(face, sections, members)
    about = Provenance(controls=(CONTROL,))
    made = {"oscal/assessment-results.json": assessment_results(pack)}
    plan = plan_of_action(pack, observations(pack), risks(pack))
    if plan is not None:
        made["oscal/poam.json"] = plan
    made |= security_plans(pack)
    return [Member(path, written(document), about) for path, document in made.items()]


def assessment_results(pack: Book) -> Json:
    """The whole document."""
    face = pack.face
    plan = pack.key("assessment plan")
    seen, open_ones = observations(pack), risks(pack)
    result: Json = {
        "uuid": pack.key("result", face.since.isoformat(), face.until.isoformat(), *(one.name for one in face.systems)),
        "title": f"Server-to-server communication, {face.since} to {face.until}",
        "description": "What was authorised, what the rules permit, and what could not be read, as of the cut-off.",
        "start": pack.moment(face.since),
        "end": pack.moment(face.as_of),
        "props": props(pack),
        "local-definitions": {"components": [tool(pack), *components(pack)]},
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": one} for one in reviewed(pack)]}]
        },
        "observations": seen,
    }
    if open_ones:
        result["risks"] = open_ones
    if found := findings(pack, seen, open_ones):
        result["findings"] = found
    paths = [f"data/{name}.csv" for name in LISTS]
    paths += [path for row in pack.rows("findings") for path in rests_on(pack, row["rests_on"])]
    return {
        "assessment-results": {
            "uuid": pack.key("assessment results", face.pack),
            "metadata": metadata(pack, f"{face.pack}: assessment results of {CONTROL}"),
            "import-ap": {"href": f"#{plan}"},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "Assessment plan",
                        "description": "The monthly comparison of the register with the rules read, and its review.",
                    },
                    *resources(pack, paths),
                ]
            },
        }
    }


def props(pack: Book) -> list[Json]:
    """What the cover says in numbers."""
    face = pack.face
    said = [prop("compared", str(face.compared)), prop("exceptions", str(face.exceptions)),
            prop("not-known", str(face.not_known))]  # fmt: skip
    if face.sample:
        said.append(prop("sample", "made from a made-up organisation, not evidence"))
    if face.sealed:
        said.append(prop("ledger-checkpoint", f"{face.sealed.origin} #{face.sealed.size} {face.sealed.root}"))
    return said


def tool(pack: Book) -> Json:
    """Eastwest itself."""
    return {
        "uuid": pack.key("tool"), "type": "software", "title": "Eastwest",
        "description": "Reads rules, shares and listening services and compares them with what is authorised.",
        "status": {"state": "operational"},
    }  # fmt: skip


def components(pack: Book) -> Iterable[Json]:
    """Each authorised connection and share as a service."""
    for row in pack.rows("connections"):
        services = row["services"].split()
        yield {
            "uuid": pack.key("connection", row["id"]),
            "type": "service",
            "title": row["id"],
            "description": line(f"{row['from']} to {row['to']}: {row['services']} {row['path']}"),
            "props": [prop("basis", row["basis"]), prop("review-by", row["review_by"])],
            "status": {"state": "other", "remarks": "Authorised. What was seen of it stands in data/verdicts.csv."},
            "protocols": [protocol(pack, row["id"], one) for one in services] or [{"name": "not stated"}],
        }


def protocol(pack: Book, ref: str, service: str) -> Json:
    """tcp/8000-8010 as a protocol; what has no ports is named alone."""
    name, _, ports = service.partition("/")
    made: Json = {"uuid": pack.key("protocol", ref, service), "name": service}
    low, _, high = ports.partition("-")
    if name in TRANSPORTS and low.isdigit() and (not high or high.isdigit()):
        made["port-ranges"] = [{"start": int(low), "end": int(high or low), "transport": name.upper()}]
    return made


def reviewed(pack: Book) -> list[str]:
    """The ISM controls that the pack serves, by its own annex; the pack's control where it has none."""
    served = [row["control"] for row in pack.rows("ssp-annex")
              if row["framework"] == "ASD ISM" and row["evidence_is"] != "none"]  # fmt: skip
    return list(dict.fromkeys(map(control_id, served or [CONTROL])))


def observations(pack: Book) -> list[Json]:
    """One for each finding that stood; then one for each verdict with its count, so that nothing is left out."""
    counts = Counter(row["verdict"] for row in pack.rows("verdicts"))
    each = [found(pack, row) for row in pack.rows("findings")]
    return (
        each
        + [counted(pack, name, number) for name, number in sorted(counts.items())]
        + ([] if counts else [counted(pack, "nothing compared", 0)])
    )


def found(pack: Book, row: Mapping[str, str]) -> Json:
    """A finding with its example and the files it rests on."""
    example = f" Example: {row['example']}." if row["example"] else ""
    made = {
        "uuid": pack.key("observation", row["id"]),
        "title": f"{row['id']} {row['verdict']}",
        "description": line(f"{row['because']}{example}"),
        "props": [prop("verdict", row["verdict"]), prop("certainty", row["certainty"]),
                  prop("proposed-evidence-tier", row["proposed_tier"] or "none")],
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": pack.key("tool")}]}],
        "relevant-evidence": evidence(pack, ["data/findings.csv", *rests_on(pack, row["rests_on"])]),
        "collected": pack.moment(pack.face.as_of),
    }  # fmt: skip
    if row["subject"] in pack.connections:
        made["subjects"] = [{"subject-uuid": pack.key("connection", row["subject"]), "type": "component"}]
    return made


def counted(pack: Book, name: str, number: int) -> Json:
    """How many of one verdict the last comparison gave; each of them is in the list."""
    return {
        "uuid": pack.key("verdicts", pack.face.pack, name),
        "title": f"{name}: {number}",
        "description": f"The last comparison by the cut-off gave this verdict {number} times.",
        "props": [prop("verdict", name), prop("count", str(number))],
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": pack.key("tool")}]}],
        "relevant-evidence": evidence(pack, [LIST]),
        "collected": pack.moment(pack.face.as_of),
    }


def evidence(pack: Book, paths: Iterable[str]) -> list[Json]:
    """Files of the pack as evidence."""
    there = [path for path in dict.fromkeys(paths) if path in pack.files]
    return [{"href": f"#{pack.key('file', path)}", "description": path} for path in there] or [
        {"description": "Nothing of this pack"}
    ]


def risks(pack: Book) -> list[Json]:
    """A risk for each finding that stood."""
    proposals = {row["id"]: row["proposed_by_eastwest"] for row in pack.rows("plan-of-action")}
    return [risk(pack, row, proposals.get(row["id"], "")) for row in pack.rows("findings")]


def risk(pack: Book, row: Mapping[str, str], proposal: str) -> Json:
    """One finding as a risk: open, or accepted until a day with what holds instead."""
    made: Json = {
        "uuid": pack.key("risk", row["id"]),
        "title": f"{row['id']} {row['verdict']}: {line(row['subject'])}",
        "description": line(row["because"]),
        "statement": line(row["because"]),
        "props": [prop("severity", row["severity"]), prop("owner", row["owner"]), prop("state", row["state"])],
        "status": "deviation-approved" if row["state"] == "accepted" else "open",
        "related-observations": [{"observation-uuid": pack.key("observation", row["id"])}],
    }
    if row["alternate_control"]:
        made["mitigating-factors"] = [
            {"uuid": pack.key("mitigation", row["id"]), "description": line(row["alternate_control"])}
        ]
    if proposal:
        made["remediations"] = [{
            "uuid": pack.key("remediation", row["id"]), "lifecycle": "recommendation",
            "title": "Proposed by Eastwest; nobody's plan yet", "description": line(proposal),
        }]  # fmt: skip
    return made


def findings(pack: Book, seen: Sequence[Json], open_ones: Sequence[Json]) -> list[Json]:
    """One for the pack's control while something stands or is not known; none otherwise, for nothing is rated."""
    face = pack.face
    if face.compared and not face.exceptions and not face.not_known and not open_ones:
        return []
    wrong = [one for one in seen if one["props"][0]["value"] not in verify.AS_AUTHORISED]
    said = f"{face.exceptions} exceptions, {face.not_known} not known, of {face.compared} verdicts."
    made: Json = {
        "uuid": pack.key("finding", face.pack, CONTROL),
        "title": CONTROL,
        "description": said if face.compared else "Nothing was compared by the cut-off.",
        "target": {
            "type": "statement-id",
            "target-id": f"{control_id(CONTROL)}_smt",
            "status": {
                "state": "not-satisfied",
                "reason": "other",
                "remarks": "OSCAL has no third state. This says that something is open or not known: no rating.",
            },
        },
        "related-observations": [{"observation-uuid": one["uuid"]} for one in wrong],
    }
    if open_ones:
        made["related-risks"] = [{"risk-uuid": one["uuid"]} for one in open_ones]
    return [made]
