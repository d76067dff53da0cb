"""The policy as a form: every rule with its switch, severity and parameters; the matrix and the exceptions as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from django import forms
from django.forms.boundfield import BoundField

from compliance.policy.content import SEVERITIES, Policy, Value
from compliance.policy.lines import cells_read, cells_said, waivers_read, waivers_said
from compliance.policy.shipped import Described
from compliance.words import POLICY

LEVELS: Final = [(name, POLICY[name].label) for name in SEVERITIES]
OTHERWISE: Final = [("allowed", "Allowed"), ("reason", "Needs a reason"), ("never", "Never")]
EXAMPLE: Final = "One a line: app -> data: allowed tcp/5432. First match decides; * is every zone, outside the rest."


class RuleFields(NamedTuple):
    """One rule's part of the form."""

    rule: Described
    fields: list[BoundField]


class PolicyForm(forms.Form):
    """A proposal for the whole policy. `content()` gives it in the shape a version keeps."""

    otherwise = forms.ChoiceField(label="Pairs of zones that no line speaks of", choices=OTHERWISE)
    cells = forms.CharField(
        label="Zone matrix", required=False, widget=forms.Textarea(attrs={"rows": 8}), help_text=EXAMPLE
    )
    exceptions = forms.CharField(
        label="Dated exceptions",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line: RULE | SOURCE | DESTINATION | SERVICES | UNTIL | BECAUSE. Source and destination are a "
        "server, a zone, a role or *.",
    )
    because = forms.CharField(
        label="Why",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who adopts it reads this, and auditors after them.",
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, policy: Policy, described: tuple[Described, ...], **kwargs: Any) -> None:
        """`policy`: what the form starts with."""
        super().__init__(*args, **kwargs)
        self.described = described
        self.shipped = {rule.id: rule.shipped.parameters for rule in described}
        for rule in described:
            setting = policy.rules[rule.id]
            self.fields[f"{rule.id}:on"] = forms.BooleanField(label="Switched on", required=False, initial=setting.on)
            self.fields[f"{rule.id}:severity"] = forms.ChoiceField(
                label="Severity", choices=LEVELS, initial=setting.severity
            )
            for key, value in setting.parameters.items():
                self.fields[f"{rule.id}:{key}"] = parameter(key, value)
        self.fields["otherwise"].initial = policy.otherwise
        self.fields["cells"].initial = cells_said(policy.cells)
        self.fields["exceptions"].initial = waivers_said(policy.waivers)

    def rules(self) -> Iterator[RuleFields]:
        """Each rule with its fields, for the page."""
        for rule in self.described:
            yield RuleFields(rule, [self[name] for name in self.fields if name.startswith(f"{rule.id}:")])

    def matrix_fields(self) -> list[BoundField]:
        """The fields of the matrix and of the exceptions."""
        return [self[name] for name in ("otherwise", "cells", "exceptions")]

    def clean_cells(self) -> list[Mapping[str, Any]]:
        """The lines of the matrix."""
        return self._lines("cells", cells_read)

    def clean_exceptions(self) -> list[Mapping[str, Any]]:
        """The lines of the exceptions."""
        return self._lines("exceptions", waivers_read)

    def _lines(self, name: str, read: Any) -> list[Mapping[str, Any]]:
        try:
            found: list[Mapping[str, Any]] = read(self.cleaned_data[name])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return found

    def content(self) -> dict[str, Any]:
        """What is proposed. Whether it is a policy, the verb says."""
        said = self.cleaned_data
        return {
            "rules": {
                rule.id: {
                    "on": said[f"{rule.id}:on"],
                    "severity": said[f"{rule.id}:severity"],
                    "parameters": {
                        key: typed(said[f"{rule.id}:{key}"], standard)
                        for key, standard in self.shipped[rule.id].items()
                    },
                }
                for rule in self.described
            },
            "matrix": {"otherwise": said["otherwise"], "cells": said["cells"]},
            "exceptions": said["exceptions"],
        }


def parameter(key: str, value: Value) -> forms.Field:
    """The field of a parameter, by what it is."""
    label = key.replace("_", " ").capitalize()
    if isinstance(value, bool):
        return forms.BooleanField(label=label, required=False, initial=value)
    if isinstance(value, int):
        return forms.IntegerField(label=label, min_value=0, max_value=65536, initial=value)
    if isinstance(value, str):
        choices = LEVELS if value in SEVERITIES else None
        if choices:
            return forms.ChoiceField(label=label, choices=choices, initial=value)
        return forms.CharField(label=label, max_length=60, initial=value)
    rows = min(max(len(value), 2), 6)
    return forms.CharField(
        label=label,
        required=False,
        initial="\n".join(value),
        widget=forms.Textarea(attrs={"rows": rows}),
        help_text="One a line.",
    )


def typed(value: Any, standard: Value) -> Any:
    """What was typed, in the parameter's own kind."""
    if isinstance(standard, tuple):
        return [line.strip() for line in str(value).splitlines() if line.strip()]
    return value
