"""Every setting of Eastwest, in one file. Each EASTWEST_ variable is described in docs/settings.md."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from compliance.project import env, oidc
from compliance.project.broker import celery_url, redis_url
from compliance.project.job_tables import JOB_ABANDONED as JOB_ABANDONED
from compliance.project.job_tables import JOB_KINDS as JOB_KINDS
from compliance.project.job_tables import JOB_QUEUES as JOB_QUEUES
from compliance.project.job_tables import JOB_SYSTEMS as JOB_SYSTEMS
from compliance.project.job_tables import SCHEDULES as SCHEDULES

BASE_DIR = Path(__file__).resolve().parents[2]
VAR = env.folder("EASTWEST_VAR", BASE_DIR / "var")
VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
KEYS = VAR / "keys"
KEYS.mkdir(mode=0o700, exist_ok=True)
ARTEFACTS = VAR / "artefacts"
PACKS = VAR / "packs"
FLOWS = VAR / "flows"


def kept_secret(name: str) -> str:
    """A secret made on first use and kept in a file only the owner reads (never in the database)."""
    path = KEYS / name
    if not path.exists():
        fresh = KEYS / f"{name}.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process made it in the same moment: theirs is the one
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text()


SECRET_KEY = env.text("EASTWEST_SECRET_KEY", "") or kept_secret("django.secret")
APPROVAL_KEY = kept_secret("approvals.secret")
DEBUG = env.flag("EASTWEST_DEBUG", False)
ALLOWED_HOSTS = env.words("EASTWEST_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("EASTWEST_ORIGINS", "")
PORT = env.whole("EASTWEST_PORT", 8479, low=1, high=65535)

INSTALLED_APPS = [
    "reviews",
    "evidence",
    "compliance",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_standardized_errors",
    "lucide",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "compliance.views.typed.NothingTypedIsLost",
    "compliance.views.sessions.SessionLimits",
    "django_htmx.middleware.HtmxMiddleware",
    "compliance.views.provenance.Provenance",
    "compliance.views.middleware.SignedInOnly",
    "compliance.views.middleware.RefusalPage",
    "compliance.views.step_up.StepUp",
    "compliance.views.auditing.AuditorViews",
]
ROOT_URLCONF = "compliance.project.urls"
WSGI_APPLICATION = "compliance.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "compliance.views.navigation.navigation",
                "compliance.views.typed.given_back",
            ],
        },
    },
]

DATABASES = {"default": env.database(env.text("DATABASE_URL", ""), sqlite=VAR / "eastwest.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False
# Counts attempts for all workers: it holds so many sources at once that nobody washes out a count with others
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "eastwest_cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

LANGUAGE_CODE = "en-au"
TIME_ZONE = env.text("EASTWEST_TIME_ZONE", "Australia/Sydney")
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("EASTWEST_STATIC", VAR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "compliance.project.static_files.Gathered"},
}
# `prepare` gathers them with a compressed copy of each; a test, which does not, has them from where they are
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "css").is_dir()
WHITENOISE_AUTOREFRESH = DEBUG

# Who may come in
AUTH_USER_MODEL = "compliance.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/evidence/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "compliance.views.accounts.ClosedDoor"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
# Whoever approves, adds a source, gives a role or asks for a signed pack showed this lately that it is them
# Beside allauth's own limits (sign-in, second step, reset, confirmation); counted in the database, for all workers
ACCOUNT_RATE_LIMITS = {"token_failed": "20/m/ip", "setup_link_failed": "20/m/ip"}
STEP_UP_S = ACCOUNT_REAUTHENTICATION_TIMEOUT = 60 * env.whole("EASTWEST_STEP_UP_MINUTES", 15, low=1, high=15)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Eastwest"
MFA_TOTP_TOLERANCE = 1  # the code before and after count as well: clocks of phones and servers are not one
# Signing in through the organisation's own provider; people are recognised by `sub`, never by their address
OIDC_ISSUER = oidc.issuer()
OIDC_CLAIM = env.text("EASTWEST_OIDC_CLAIM", "groups")
OIDC_GROUPS = oidc.groups(OIDC_ISSUER)
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": oidc.apps(OIDC_ISSUER)}}
SOCIALACCOUNT_ADAPTER = "compliance.views.oidc.Arrivals"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
APPROVERS_NEED_MFA = env.flag("EASTWEST_APPROVERS_NEED_MFA", True)

# The browser's side of security
HTTPS = env.flag("EASTWEST_HTTPS", False)
# Without https a browser offers passkeys on localhost only; refusing them there as well would leave ./run without any
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = env.flag("EASTWEST_INSECURE_PASSKEYS", not HTTPS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; a loop here would lock everybody out
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
BEHIND_PROXY = env.flag("EASTWEST_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0  # whose X-Forwarded-For tells from where somebody comes
SESSION_LONGEST_S = SESSION_COOKIE_AGE = 3600 * env.whole("EASTWEST_SESSION_HOURS", 12, low=1, high=72)
SESSION_IDLE_S = 60 * env.whole("EASTWEST_SESSION_IDLE_MINUTES", 60, low=5, high=1440)
SESSIONS_EACH = env.whole("EASTWEST_SESSIONS_EACH", 5, low=1, high=50)
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *([OIDC_ISSUER] if OIDC_ISSUER else [])],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_LIMIT_BYTES = 256 * 1024 * 1024

# The API: JSON only, tokens only, one shape of errors
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["compliance.api.authentication.ServiceTokens"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["compliance.api.parsers.PlainJson"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "compliance.api.negotiation.JsonAlways",
    "DEFAULT_PAGINATION_CLASS": "compliance.api.paging.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "compliance.api.errors.Errors"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Eastwest",
    "DESCRIPTION": "Authorised connections, their change records, and what the rules show. See docs/api.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum.choices",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum.choices",
        "ServerErrorEnum": "drf_standardized_errors.openapi_serializers.ServerErrorEnum.choices",
    },
    "POSTPROCESSING_HOOKS": ["drf_standardized_errors.openapi_hooks.postprocess_schema_enums"],
}

# Jobs: the database is the truth, Celery is the wire
REDIS_URL = redis_url(VAR)
CELERY_BROKER_URL = celery_url(VAR)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_ROUTES = {"compliance.tick": {"queue": "tick"}, "compliance.run_job": {"queue": "work"}}
CELERY_BEAT_SCHEDULE = {"tick": {"task": "compliance.tick", "schedule": 2.0, "options": {"expires": 2}}}
CELERY_TIMEZONE = "UTC"
JOB_LEASE_S = env.whole("EASTWEST_JOB_LEASE_S", 60, low=2, high=3600)
JOB_MAX_TRIES = 8
PULL_SLOTS = env.whole("EASTWEST_PULL_SLOTS", 8, low=2, high=64)
PULL_LIMIT_S = env.whole("EASTWEST_PULL_LIMIT_S", 120, low=1, high=3600)
CHANGE_CHECKS: dict[str, str] = {}
# Functions (hit, material, at) → a dated exception that somebody decided on, or None; asked in order
POLICY_EXCEPTIONS: list[str] = ["compliance.exceptions.for_hit"]
# What the room above has to say at a comparison: functions (at) → pairs of a judgement and the system it is about
JUDGED_ABOVE = ["reviews.verdicts.missed"]
# Who follows, in the same transaction, when a risk was decided on or revoked
RISK_MOVED = ["evidence.actions.accepted.risk_moved"]
# What the rooms above add to the pages of this one, by dotted path
PANELS = {
    "change": [
        "evidence.views.panels.change",
        "evidence.views.groups.change",
        "compliance.views.policy_panel.change",
    ],
    "group": ["evidence.views.groups.group"],
    "place": ["evidence.views.talkers.place"],
    "widening": ["evidence.views.groups.widening"],
    "changes": ["evidence.views.panels.changes"],
    "connection": ["evidence.views.panels.connection"],
    "as_of": ["evidence.views.as_of.register"],
    "connection_as_of": ["evidence.views.as_of.connection"],
    "register": ["evidence.views.panels.register"],
    "server": ["evidence.views.panels.server", "evidence.views.attestations.server_panel"],
    "inbox": ["reviews.views.campaigns.inbox", "evidence.views.attestations.inbox"],
    "month": ["reviews.views.panels.month"],
}
NAV_KEPT_S = env.whole("EASTWEST_MENU_KEPT_S", 60, low=0, high=60)  # decisions count at once all the same
NAV_COUNTS = ["evidence.views.panels.counts", "reviews.views.panels.counts"]
# The numbers each room has for a monitoring system
METRICS = ["compliance.watching.own", "evidence.watching.numbers"]
# What the rooms above add to a search
SEARCHES = ["evidence.views.search.find", "reviews.views.search.find"]
SERVERS_READ = ["evidence.views.panels.servers_read"]
# What somebody is responsible for, room by room: modules with `held` and `pass_on`, in the order things are passed on
CHARGES = ["compliance.actions.own_charges", "reviews.charges"]
SETUP_TASKS = ["evidence.views.setting_up.steps", "reviews.views.panels.setup_tasks"]
PACK_SECTIONS = [
    "evidence.packs.sections.result.build",
    "evidence.packs.sections.diagram.build",
    "evidence.packs.sections.flows.build",
    "evidence.packs.sections.changes.build",
    "evidence.packs.sections.rules.build",
    "reviews.pack_section.build",
    "evidence.packs.sections.exceptions.build",
    "evidence.packs.sections.tests.build",
    "evidence.packs.sections.sampling.build",
    "evidence.packs.sections.controls.build",
]

# The highest classification of a system that this installation may hold
CLASSIFICATIONS = {
    "NC": "Non-classified",
    "OS": "OFFICIAL: Sensitive",
    "P": "PROTECTED",
    "S": "SECRET",
    "TS": "TOP SECRET",
}
CEILING = env.one_of("EASTWEST_CEILING", "OS", CLASSIFICATIONS)

# Where sources may lead, and where what they sign in with may lie; whoever adds a source chooses within these only
MAY_REACH = env.networks("EASTWEST_MAY_REACH")
SECRET_FOLDERS = [Path(one) for one in env.words("EASTWEST_SECRET_FOLDERS", "/run/secrets")]
VAULT_ADDR = env.text("EASTWEST_VAULT_ADDR", "")
VAULT_TOKEN_FILE = env.file("EASTWEST_VAULT_TOKEN_FILE")
VAULT_CA_FILE = env.file("EASTWEST_VAULT_CA_FILE")
VAULT_PIN = env.text("EASTWEST_VAULT_PIN", "")
# The authority that signed the certificates of programs and chats that are told what happens; none: the system's
RECEIVERS_CA_FILE = env.file("EASTWEST_RECEIVERS_CA_FILE")

# Who signs packs (PKCS#12; none: a key of this installation's own), and who says at what time
PACK_KEY_FILE = env.file("EASTWEST_PACK_KEY_FILE")
PACK_KEY_PASSWORD_FILE = env.file("EASTWEST_PACK_KEY_PASSWORD_FILE")
TIMESTAMP_URL = env.text("EASTWEST_TIMESTAMP_URL", "")
TIMESTAMP_CA_FILE = env.file("EASTWEST_TIMESTAMP_CA_FILE")
# The ticket system whose tickets change records name: what it says is shown, and decides nothing
JIRA_URL = env.text("EASTWEST_JIRA_URL", "")
JIRA_USER = env.text("EASTWEST_JIRA_USER", "")
JIRA_SECRET = env.text("EASTWEST_JIRA_SECRET", "")
JIRA_CA_FILE = env.file("EASTWEST_JIRA_CA_FILE")

# Where the ledger's checkpoints go, outside the database
_checkpoint_file = env.text("EASTWEST_CHECKPOINT_FILE", str(VAR / "checkpoints" / "checkpoints.txt"))
CHECKPOINT_FILE = None if _checkpoint_file == "none" else Path(_checkpoint_file).expanduser().absolute()
CHECKPOINT_SYSLOG = env.text("EASTWEST_CHECKPOINT_SYSLOG", "")
CHECKPOINT_GIT = env.text("EASTWEST_CHECKPOINT_GIT", "")
CHECKPOINT_MAIL = env.words("EASTWEST_CHECKPOINT_MAIL", "")
# Where each sealed entry goes as a line of JSON
AUDIT_FILE = env.file("EASTWEST_AUDIT_FILE")
AUDIT_SYSLOG = env.text("EASTWEST_AUDIT_SYSLOG", "")

EMAIL_BACKEND = env.text("EASTWEST_EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = VAR / "mail"
EMAIL_HOST = env.text("EASTWEST_EMAIL_HOST", "localhost")
EMAIL_PORT = env.whole("EASTWEST_EMAIL_PORT", 25, low=1, high=65535)
DEFAULT_FROM_EMAIL = env.text("EASTWEST_EMAIL_FROM", "eastwest@localhost")
DIGEST_HOUR = env.whole("EASTWEST_DIGEST_HOUR", 7, low=0, high=23)
SITE_URL = env.text("EASTWEST_URL", f"http://localhost:{PORT}")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"without_keys": {"()": "compliance.project.log_lines.WithoutKeys"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_keys"]}},
    "root": {"handlers": ["stderr"], "level": env.text("EASTWEST_LOG_LEVEL", "WARNING")},
}
