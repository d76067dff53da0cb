"""Celery, the wire: it carries job numbers, the database holds the jobs."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")

app = Celery("eastwest")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
