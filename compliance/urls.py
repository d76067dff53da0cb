"""The addresses of the room of compliance."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
