"""The front door: which room answers which address."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/evidence/"), name="home"),
    path("accounts/", include("allauth.urls")),
    path("", include("compliance.urls")),
    path("", include("evidence.urls")),
    path("", include("reviews.urls")),
]
