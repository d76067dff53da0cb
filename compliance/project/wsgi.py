"""What gunicorn starts: loaded once, then forked for each process that answers (`--preload`, supervise.web_command)."""

import gc
import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import get_resolver

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
application = get_wsgi_application()

# Every page and every template is loaded by now, not with the first request of each process: a third of a second.
_ = get_resolver().url_patterns
for path in sorted(TEMPLATES.rglob("*.html")):
    if path.parent.name != "print":  # the pages of packs have an engine of their own
        get_template(str(path.relative_to(TEMPLATES)))
# The program itself is nothing to look through for rubbish: it takes a tenth of a second, in the middle of some page.
gc.collect()
gc.freeze()
# A page of thousands of rows makes no rubbish until it is done: all that lives is looked through a tenth as often.
gc.set_threshold(700, 10, 100)
