"""The addresses of the API's first version, of this room. Every name begins with `api_`."""

from __future__ import annotations

from typing import Final

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView

from compliance.api import changes, connections, register, schema, servers

KNOWN_TO_SCHEMA: Final = (schema.ServiceTokenScheme,)  # drf-spectacular finds it by its being imported

urlpatterns = [
    path("schema/", SpectacularJSONAPIView.as_view(), name="api_schema"),
    path("connections/", connections.Connections.as_view(), name="api_connections"),
    path("connections/<con:number>/", connections.OneConnection.as_view(), name="api_connection"),
    path("connections/<con:number>/amend/", connections.Amend.as_view(), name="api_connection_amend"),
    path("connections/<con:number>/retire/", connections.Retire.as_view(), name="api_connection_retire"),
    path("changes/", changes.Changes.as_view(), name="api_changes"),
    path("changes/<chg:number>/", changes.OneChange.as_view(), name="api_change"),
    *(
        path(f"changes/<chg:number>/{step}/", changes.Step.as_view(name=step), name=f"api_change_{step}")
        for step in changes.STEPS
    ),
    path("register/plan/", register.Plan.as_view(), name="api_register_plan"),
    path("register/apply/", register.Apply.as_view(), name="api_register_apply"),
    path("servers/", servers.Servers.as_view(), name="api_servers"),
    path("servers/<str:name>/", servers.OneServer.as_view(), name="api_server"),
]
