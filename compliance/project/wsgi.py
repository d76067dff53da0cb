"""What gunicorn starts."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
application = get_wsgi_application()

# The program itself is nothing to look through for rubbish: it takes a tenth of a second, in the middle of some page.
_ = get_resolver().url_patterns  # so that every page is loaded by now, not with the first request
gc.collect()
gc.freeze()
