"""The shapes in which the API speaks of evidence."""

from __future__ import annotations

from rest_framework import serializers

from evidence.models import Finding, RuleChange


class Found(serializers.Serializer[Finding]):
    """A finding with its proof."""

    ref = serializers.CharField()
    verdict = serializers.CharField()
    certainty = serializers.CharField()
    severity = serializers.CharField()
    state = serializers.CharField()
    system = serializers.CharField()
    subject = serializers.CharField()
    connection = serializers.SerializerMethodField()
    point = serializers.CharField()
    rule = serializers.CharField()
    rule_file = serializers.CharField()
    rule_line = serializers.IntegerField()
    rule_text = serializers.CharField()
    witness = serializers.JSONField(allow_null=True)
    because = serializers.CharField()
    proposal = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    unseen_since = serializers.DateTimeField(allow_null=True)
    cured_at = serializers.DateTimeField(allow_null=True)
    cured_because = serializers.CharField()

    def get_connection(self, finding: Finding) -> str | None:
        """The id of the connection it is about."""
        return finding.connection.ref if finding.connection else None


class RuleChanged(serializers.Serializer[RuleChange]):
    """A rule change and the change record it belongs to."""

    at = serializers.DateTimeField()
    server = serializers.CharField()
    point = serializers.CharField()
    family = serializers.IntegerField()
    direction = serializers.CharField()
    rule = serializers.CharField()
    rule_file = serializers.CharField()
    rule_line = serializers.IntegerField()
    rule_text = serializers.CharField()
    sure = serializers.BooleanField()
    outcome = serializers.CharField()
    change = serializers.SerializerMethodField()
    matched = serializers.ListField(child=serializers.CharField())
    because = serializers.CharField()
    snapshot = serializers.CharField(source="delta.snapshot.digest")

    def get_change(self, row: RuleChange) -> str | None:
        """The id of its change record."""
        return row.change.ref if row.change else None
