"""The front door: which room answers which address."""

from __future__ import annotations

from django.urls import include, path, re_path

from compliance.api.errors import nothing_here
from compliance.views import oidc
from compliance.views.accounts import closed

urlpatterns = [
    re_path(r"^accounts/(?:email|confirm-email|signup|social|3rdparty)/", closed, name="account_closed"),
    path("accounts/oidc/<str:provider_id>/login/", oidc.login, name="openid_connect_login"),
    path("accounts/oidc/<str:provider_id>/login/callback/", oidc.callback, name="openid_connect_callback"),
    path("accounts/oidc/<str:provider_id>/confirm/", oidc.confirm, name="openid_connect_confirm"),
    path("accounts/", include("allauth.urls")),
    path("", include("compliance.urls")),
    path("", include("evidence.urls")),
    path("", include("reviews.urls")),
    # after the rooms: they register what CON-42 is in an address
    path("api/v1/", include("compliance.api.urls")),
    path("api/v1/", include("evidence.api.urls")),
    re_path(r"^api/", nothing_here, name="api_nothing"),
]
