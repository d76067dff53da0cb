"""The kinds of jobs, by dotted path: what each does, who is told of its end, whose it is, and what asks for it when."""

from __future__ import annotations

# What talks to devices waits for them most of the time: workers of its own, so that nothing else waits with it
JOB_QUEUES = {
    "pull": "pull",
    "test_source": "pull",
    "run_sheet": "pull",
    "fetch_flows": "pull",
    "deliver": "pull",
    "read_tickets": "pull",
}
JOB_KINDS = {
    "pull": "evidence.jobs.pull",
    "test_source": "evidence.jobs.test_source",
    "run_sheet": "evidence.jobs.run_sheet",
    "read_inventory": "evidence.jobs.read_inventory",
    "fetch_flows": "evidence.flow_jobs.fetch",
    "roll_up_flows": "evidence.flow_jobs.roll_up",
    "compare": "evidence.jobs.compare",
    "verify_change": "evidence.jobs.verify_change",
    "build_pack": "evidence.jobs.build_pack",
    "set_pages": "evidence.jobs.set_pages",
    "reconcile": "evidence.jobs.reconcile",
    "remind": "reviews.jobs.remind",
    "plan_reviews": "reviews.jobs.plan",
    "send": "compliance.jobs.send",
    "digests": "compliance.jobs.digests",
    "digest": "compliance.jobs.digest",
    "remind_dates": "compliance.jobs.remind_dates",
    "checkpoint": "compliance.actions.checkpoints.job",
    "ship_ledger": "compliance.actions.shipping.job",
    "deliver": "evidence.jobs.deliver",
    "read_tickets": "evidence.jobs.read_tickets",
}
# Who is told, in the same transaction, that a job of the kind ended without what it was to bring
JOB_ABANDONED = {
    "pull": "evidence.jobs.pull_abandoned",
    "test_source": "evidence.jobs.test_abandoned",
    "run_sheet": "evidence.jobs.sheet_abandoned",
    "read_inventory": "evidence.jobs.inventory_abandoned",
    "fetch_flows": "evidence.flow_jobs.fetch_abandoned",
    "roll_up_flows": "evidence.flow_jobs.roll_up_abandoned",
    "verify_change": "evidence.jobs.pull_abandoned",
    "build_pack": "evidence.jobs.pack_abandoned",
    "set_pages": "evidence.jobs.pages_abandoned",
    "deliver": "evidence.jobs.delivery_abandoned",
}
# Of which systems a job of the kind is, so that who works for another neither sees nor stops it
JOB_SYSTEMS = {
    "pull": "evidence.jobs.systems_of_pull",
    "test_source": "evidence.jobs.systems_of_pull",
    "run_sheet": "evidence.jobs.systems_of_sheet",
    "read_inventory": "evidence.jobs.systems_of_inventory",
    "fetch_flows": "evidence.flow_jobs.systems_of_fetch",
    "roll_up_flows": "evidence.flow_jobs.systems_of_file",
    "verify_change": "evidence.jobs.systems_of_change",
    "build_pack": "evidence.jobs.systems_of_pack",
    "set_pages": "evidence.jobs.systems_of_pack",
}
SCHEDULES = [
    "compliance.actions.checkpoints.due",
    "compliance.actions.shipping.due",
    "evidence.jobs.due_pulls",
    "evidence.jobs.due_inventories",
    "evidence.flow_jobs.due_fetches",
    "evidence.jobs.due_packs",
    "evidence.jobs.due_comparisons",
    "evidence.actions.tickets.due",
    "reviews.jobs.due_reviews",
    "compliance.jobs.due_dates",
    "compliance.actions.digests.due",
]
