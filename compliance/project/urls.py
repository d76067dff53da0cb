"""The front door: which room answers which address."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/evidence/"), name="home"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("compliance.urls")),
    path("", include("evidence.urls")),
    path("", include("reviews.urls")),
]
