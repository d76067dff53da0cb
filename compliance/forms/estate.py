"""The forms by which an administrator sets up who and what there is."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from compliance.models import Organisation, Role, System, User


class OrganisationForm(forms.Form):
    """The organisation itself, or another that owns an end."""

    name = forms.CharField(label="Name", max_length=160)
    kind = forms.ChoiceField(label="What is it?", choices=Organisation.Kind.choices)
    marking = forms.CharField(
        label="Protective marking",
        initial="OFFICIAL",
        help_text="Stands at the top and bottom of every page of a pack.",
    )


class SystemForm(forms.Form):
    """A system: its owner decides on its connections."""

    name = forms.CharField(label="Name", max_length=120)
    organisation = forms.ModelChoiceField(label="Organisation", queryset=Organisation.objects.all())
    owner = forms.ModelChoiceField(label="System owner", queryset=User.objects.here())
    deputy = forms.ModelChoiceField(label="Deputy", queryset=User.objects.here(), required=False)
    authorising_officer = forms.ModelChoiceField(
        label="Authorising officer", queryset=User.objects.here(), required=False
    )
    classification = forms.ChoiceField(
        label="Classification",
        choices=System.Classification.choices,
        initial=System.Classification.OS,
        help_text="Up to the ceiling of this installation; a higher one is refused.",
    )
    boundary_in = forms.CharField(label="Inside the boundary", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    boundary_out = forms.CharField(
        label="Outside the boundary, and why", widget=forms.Textarea(attrs={"rows": 2}), required=False
    )


class ZoneForm(forms.Form):
    """A network zone with its prefixes."""

    name = forms.SlugField(label="Name", max_length=60, help_text="Short, as the register writes it: app, data, dmz.")
    title = forms.CharField(label="Title", max_length=120, required=False)
    system = forms.ModelChoiceField(label="System", queryset=System.objects.all())
    prefixes = forms.CharField(
        label="Prefixes",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line: 10.20.4.0/24 or 2001:db8::/64.",
    )

    def clean_prefixes(self) -> list[str]:
        """The prefixes as a list; whether each is one, the verb says."""
        return str(self.cleaned_data["prefixes"]).replace(",", " ").split()


class PersonForm(forms.Form):
    """A person with a role. They set their own password by a one-time link."""

    name = forms.CharField(label="Name", max_length=120)
    email = forms.EmailField(label="Mail address")
    title = forms.CharField(label="Position", max_length=120, required=False)
    role = forms.ChoiceField(label="Role", choices=Role.choices)
    system = forms.ModelChoiceField(
        label="For which system", queryset=System.objects.all(), required=False, empty_label="All systems"
    )


def day_to_come(until: date | None) -> date | None:
    """A last day that is not over."""
    if until is not None and until < timezone.localdate():
        raise forms.ValidationError("This day is over. Choose today or a day to come.")
    return until


class RoleForm(forms.Form):
    """Another role for somebody who is here already."""

    person = forms.ModelChoiceField(label="Person", queryset=User.objects.here())
    role = forms.ChoiceField(label="Role", choices=Role.choices)
    system = forms.ModelChoiceField(
        label="For which system", queryset=System.objects.all(), required=False, empty_label="All systems"
    )
    until = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: until it is taken away. An auditor's role ends after 90 days unless a day is given.",
    )

    def clean_until(self) -> date | None:
        """Not a day that is over."""
        return day_to_come(self.cleaned_data["until"])


def given(form: forms.Form) -> dict[str, Any]:
    """The answers that were given: a blank choice is no answer."""
    return {key: value for key, value in form.cleaned_data.items() if value is not None}
