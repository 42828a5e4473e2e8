"""Settings that every environment shares; each value that people may change comes from an environment variable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dj_database_url
from celery.schedules import crontab
from django.urls import reverse_lazy
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import env
from config.settings.admin_theme import UNFOLD  # noqa: F401  (a setting)
from config.settings.content_security import CONTENT_SECURITY_POLICY  # noqa: F401  (a setting)
from config.settings.logs import LOGGING  # noqa: F401  (a setting)

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = Path(env.text("MESOCYCLE_VAR", str(BASE_DIR / "var")))

SECRET_KEY = env.text("SECRET_KEY")
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "common.failures.csrf_failure"
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.guardian",
    "unfold.contrib.simple_history",
    "config.admin_site.MesocycleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "simple_history",
    "django_celery_beat",
    "common.apps.CommonConfig",
    "audit.apps.AuditConfig",
    "telemetry.apps.TelemetryConfig",
    "accounts.apps.AccountsConfig",
    "modeling.apps.ModelingConfig",
    "rollout.apps.RolloutConfig",
    "waffle",  # after rollout, whose `waffle_flag` command stands in front of waffle's
    "experiments.apps.ExperimentsConfig",
    "plans.apps.PlansConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.csp.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.RequestContextMiddleware",
    "common.body_limit.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.reading.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

SQLITE_OPTIONS = {
    # A read-then-write transaction that takes the write lock at once never loses the upgrade race.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000;"
    ),
}
POSTGRES_OPTIONS = {
    # What `common.prepared` sends is prepared on the server from the first time on. None: never, for a pooler that
    # gives each transaction another connection and does not keep track of prepared statements.
    "prepare_threshold": 0 if env.flag("DATABASE_PREPARED_STATEMENTS", True) else None,
}
DATABASES = {
    "default": dj_database_url.parse(
        env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'mesocycle.sqlite3'}"),
        conn_max_age=env.integer("DATABASE_CONN_MAX_AGE", 60),
        # Else each thread of each process fails one request after the server was restarted.
        conn_health_checks=True,
    )
}
USES_SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if USES_SQLITE:
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update(POSTGRES_OPTIONS)

REDIS_URL = env.text("REDIS_URL")
REDIS_KEY_PREFIX = env.text("REDIS_KEY_PREFIX", "mesocycle")
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": REDIS_KEY_PREFIX,
            # Without these a Redis that stands still makes every process unready that asks it anything.
            "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "mesocycle"}
    )
}

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "memory://localhost")  # without a host, kombu warns of its absence
CELERY_TASK_ALWAYS_EAGER = CELERY_BROKER_URL.startswith("memory://")
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "common.beat:LeaderScheduler"
# A turn that nobody took in time is dropped: the next one does its work.
CELERY_BEAT_SCHEDULE = {
    "seal audit events": {"task": "audit.seal", "schedule": 1.0, "options": {"expire_seconds": 5}},
    "sweep stale jobs": {"task": "common.sweep_jobs", "schedule": 30.0, "options": {"expire_seconds": 30}},
    "relay telemetry events": {"task": "telemetry.relay", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "recompute a sample of fits": {"task": "modeling.recompute_fits", "schedule": crontab(hour=1, minute=30)},
    "build the warehouse": {"task": "telemetry.warehouse", "schedule": crontab(hour=2, minute=0)},
    "tell how the service does": {"task": "telemetry.measure", "schedule": crontab(minute=5)},
    "forget in telemetry": {"task": "telemetry.forget", "schedule": 300.0, "options": {"expire_seconds": 250}},
    "compact telemetry files": {"task": "telemetry.compact", "schedule": crontab(hour=1, minute=15)},
    "send waiting mail": {"task": "accounts.send_mail", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "note erasures": {"task": "accounts.note_erasures", "schedule": 300.0, "options": {"expire_seconds": 250}},
    "end expired grants": {"task": "accounts.end_grants", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "purge idempotency keys": {"task": "common.purge_idempotency_keys", "schedule": crontab(minute=10)},
    "make coming months": {"task": "common.partition_ahead", "schedule": crontab(minute=25)},
    "purge throttle counters": {"task": "common.purge_throttle", "schedule": crontab(minute=20)},
    "feed synthetic rollouts": {"task": "rollout.feed_synthetic", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "reconcile the audit log": {"task": "audit.reconcile", "schedule": crontab(hour=2, minute=30)},
    "reconcile what is urgent": {"task": "audit.reconcile_urgent", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "archive the audit log": {"task": "audit.archive", "schedule": crontab(hour=3, minute=30)},
    "look at the rollouts": {"task": "rollout.tick", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "judge the alert rules": {"task": "telemetry.evaluate_alerts", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "sample the worker": {"task": "common.sample_worker", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "look at the experiments": {"task": "experiments.look", "schedule": crontab(minute=15)},
    "retrain": {"task": "plans.retrain", "schedule": crontab(hour=3, minute=0)},
    "apply retention": {"task": "common.apply_retention", "schedule": crontab(hour=4, minute=30)},
    "deliver messages": {"task": "rollout.deliver_messages", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "tell the daily status": {"task": "rollout.daily_status", "schedule": crontab(hour=6, minute=30)},
    "tell coaches what was learned": {
        "task": "plans.tell_reports",
        "schedule": crontab(hour=7, minute=0, day_of_month="1"),
    },
    "tell the weekly report": {
        "task": "rollout.weekly_report",
        "schedule": crontab(hour=6, minute=45, day_of_week="monday"),
    },
}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_KEY_PREFIX}:",
    # Longer than any task and any lease: what takes longer would be delivered again while it runs. Jobs do not wait for
    # it when their worker is killed; their leases run out, and the sweep sends them again.
    "visibility_timeout": env.integer("CELERY_VISIBILITY_TIMEOUT", 7200),
    # Without these two a killed worker's messages come back after about 100 s instead of seconds.
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    # A broker that stands still must not hold up who sends: what was not sent is a row, and the sweep sends it.
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.backends.EmailBackend",
    "accounts.backends.GrantBackend",
]
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = True
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # `GrantBackend` is guardian's backend with ends and policies
WAFFLE_FLAG_MODEL = "rollout.Flag"
WAFFLE_CREATE_MISSING_FLAGS = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# The languages that are complete (`locale/`); what nobody chose, for themselves or by their browser, is the company's.
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
# Commands, logs and whatever is stored are English.
LANGUAGE_CODE = "en-gb"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
COMPANY_LANGUAGE = env.one_of("COMPANY_LANGUAGE", "en-gb", "de")
COMPANY_TIME_ZONE = env.time_zone("COMPANY_TIME_ZONE", "UTC")
COMPANY_UNITS = env.one_of("COMPANY_UNITS", "metric", "imperial")
# Stored and sent times are UTC; pages show the reader's (`accounts.reading.ReaderMiddleware`).
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
MEDIA_ROOT = VAR_DIR / "media"

# While this file exists the process answers 503 to whoever asks whether it is ready (`config/gunicorn.py`).
DRAIN_FILE = env.text("DRAIN_FILE")

# What links in mails and calendars start with.
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Mesocycle <noreply@mesocycle.example>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.api.permissions.MatrixPermission",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "common.browsable.BrowsableRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "common.parsers.JSONParser",
        "common.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "common.api.CursorPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.problem.problem_exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mesocycle",
    "DESCRIPTION": "Training plans that a model writes and a coach stays in charge of. Errors are RFC 9457 problems.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "SportEnum": "accounts.models.Sport",
        "PlanStatusEnum": "plans.models.plan.STATE_CHOICES",
        "CompletionStatusEnum": "plans.models.CompletionStatus",
        "ActivitySportEnum": ["running", "cycling", "other"],
        "ReportStatusEnum": "rollout.models.ReportStatus",
        "AnnouncementKindEnum": "rollout.models.AnnouncementKind",
        "TestKindEnum": "modeling.models.TestKind",
        "ReasonEnum": "plans.api.review_serializers.REASON_CHOICES",
        "AssignmentReasonEnum": "experiments.assignment.REASONS",
        "ExperimentStatusEnum": "experiments.models.experiment.STATES",
        "RosterEnum": "experiments.models.experiment.ROSTERS",
        "FindingEnum": "experiments.api.results_views.FINDINGS",
        "StandEnum": "experiments.api.results_views.STANDS",
        "CommentTagEnum": "plans.api.review_serializers.TAG_CHOICES",
        "TagSourceEnum": "plans.models.TagSource",
        "LiftShapeEnum": "experiments.api.results_views.SHAPES",
        "MetricRoleEnum": "experiments.api.results_views.ROLES",
        "MetricUnitEnum": "experiments.api.results_views.UNITS",
    },
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "common.schema.add_problems",
    ],
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_TOKEN_MINUTES", 15)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.integer("REFRESH_TOKEN_DAYS", 30)),
    "ALGORITHM": "HS256",
    "USER_ID_CLAIM": "sub",
}

# What a person may ask of the generator each day (G7), and how long a model pipeline may take before the template
# steps in (I5).
# Requests a person (log-in, password reset: an e-mail and an address; refresh: an address) may make, or `off`.
THROTTLE_RATES = {
    "login": env.text("THROTTLE_LOGIN", "10/minute"),
    "login_address": env.text("THROTTLE_LOGIN_ADDRESS", "100/minute"),
    "password_reset": env.text("THROTTLE_PASSWORD_RESET", "5/hour"),
    "refresh": env.text("THROTTLE_REFRESH", "120/minute"),
    "generation": env.text("THROTTLE_GENERATION", "30/hour"),
    "patch": env.text("THROTTLE_PATCH", "240/minute"),
    "export": env.text("THROTTLE_EXPORT", "60/hour"),
    "report": env.text("THROTTLE_REPORT", "20/hour"),
}
GENERATION_LIMIT_PER_DAY = env.integer("GENERATION_LIMIT_PER_DAY", 5)
GENERATION_TIME_BUDGET_SECONDS = env.integer("GENERATION_TIME_BUDGET_SECONDS", 10)
PREFER_WAIT_MAX_SECONDS = env.integer("PREFER_WAIT_MAX_SECONDS", 30)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", 64 * 1024 * 1024)
UPLOAD_MAX_REQUEST_BYTES = env.integer("UPLOAD_MAX_REQUEST_BYTES", 256 * 1024 * 1024)

FIELD_ENCRYPTION_KEYS = env.versioned_keys("FIELD_ENCRYPTION_KEYS")
TELEMETRY_TOKEN_KEYS = env.versioned_keys("TELEMETRY_TOKEN_KEYS")
# Where the relay brings events: Parquet files in a folder, or a topic of Kafka's, with further settings of librdkafka.
TELEMETRY_SINK = env.one_of("TELEMETRY_SINK", "parquet", "kafka")
KAFKA_BOOTSTRAP_SERVERS = env.text("KAFKA_BOOTSTRAP_SERVERS")
KAFKA_TOPIC = env.text("KAFKA_TOPIC", "mesocycle.events")
KAFKA_MESSAGE_MAX_BYTES = env.integer("KAFKA_MESSAGE_MAX_BYTES", 1_000_000)
KAFKA_OPTIONS = env.pairs("KAFKA_OPTIONS")
TELEMETRY_DIR = env.text("TELEMETRY_DIR", str(VAR_DIR / "telemetry"))
# Which share of people, flags and days tell how flags were decided (`flag.evaluated`); 0 for none.
TELEMETRY_FLAG_SAMPLE = env.share("TELEMETRY_FLAG_SAMPLE", 0.01)
# Whether an event is checked against its schema already when it is emitted.
TELEMETRY_VALIDATE = env.flag("TELEMETRY_VALIDATE")
# Where the warehouse's finished marts are, and the database that dbt builds them in (blank: DuckDB, in a file).
WAREHOUSE_DIR = env.text("WAREHOUSE_DIR", str(VAR_DIR / "warehouse"))
WAREHOUSE_DATABASE_URL = env.text("WAREHOUSE_DATABASE_URL", "")
# What retraining reads: a folder, or s3://BUCKET/PREFIX with pyarrow's options for other servers than AWS in its query.
FEATURE_STORE_URL = env.text("FEATURE_STORE_URL", str(VAR_DIR / "features"))
# Where data scientists browse runs and versions; the database is what plans are made from.
MLFLOW_TRACKING_URI = env.text("MLFLOW_TRACKING_URI", "")
MLFLOW_ARTIFACTS = env.text("MLFLOW_ARTIFACTS", (VAR_DIR / "mlflow").absolute().as_uri())
# What Prometheus sends to read /metrics (Authorization: Bearer …); without one only operators who are logged in may.
METRICS_TOKEN = env.text("METRICS_TOKEN")
# The log's signed tree heads: seeds that sign (the highest version), public keys of seeds that were put away, where
# heads and sealed segments are kept (a folder, or s3://BUCKET/PREFIX), and for how long a bucket locks them.
AUDIT_SIGNING_KEYS = env.versioned_keys("AUDIT_SIGNING_KEYS")
AUDIT_RETIRED_KEYS = env.versioned_keys("AUDIT_RETIRED_KEYS")
AUDIT_HEADS_DIR = env.text("AUDIT_HEADS_DIR", str(VAR_DIR / "audit-heads"))
AUDIT_ARCHIVE = env.text("AUDIT_ARCHIVE", str(VAR_DIR / "audit-archive"))
AUDIT_ARCHIVE_S3_ENDPOINT = env.text("AUDIT_ARCHIVE_S3_ENDPOINT")
# Who was erased, as ids: a restore from an older backup erases them again. Keep a copy on another machine.
ERASURE_LEDGER = env.text("ERASURE_LEDGER", str(VAR_DIR / "erasures.ndjson"))
AUDIT_RETENTION_DAYS = env.integer("AUDIT_RETENTION_DAYS", 7 * 366)
# How many days rows are kept (`common/retention.py`); 0 for ever.
RETENTION = {
    "audit": AUDIT_RETENTION_DAYS,
    "plan_edits": env.integer("RETENTION_PLAN_EDITS_DAYS", 7 * 366),
    "histories": env.integer("RETENTION_HISTORIES_DAYS", 7 * 366),
    "idempotency_keys": env.integer("RETENTION_IDEMPOTENCY_DAYS", 1),
    "jobs": env.integer("RETENTION_JOBS_DAYS", 90),
    "notifications": env.integer("RETENTION_NOTIFICATIONS_DAYS", 366),
    "refresh_tokens": env.integer("RETENTION_REFRESH_TOKENS_DAYS", 30),
    "reports": env.integer("RETENTION_REPORTS_DAYS", 2 * 366),
    "request_rollups": env.integer("RETENTION_ROLLUPS_DAYS", 90),
    "rollout_messages": env.integer("RETENTION_MESSAGES_DAYS", 366),
    "sessions": env.integer("RETENTION_SESSIONS_DAYS", 1),
    "telemetry": env.integer("RETENTION_TELEMETRY_DAYS", 90),
    "throttle_counters": env.integer("RETENTION_THROTTLE_DAYS", 1),
    "training_runs": env.integer("RETENTION_TRAINING_RUNS_DAYS", 2 * 366),
}
# thread: each process asks each second whether flags changed; inline: on each decision (for tests).
FLAGS_REFRESH = env.text("FLAGS_REFRESH", "thread")
FLAGS_POLL_SECONDS, FLAGS_START_SECONDS = 1.0, 2.0
FLAGS_KILLED = env.words("FLAGS_KILLED")
ROLLOUT_POLICY_DIR = env.text("ROLLOUT_POLICY_DIR")  # own policies beside the shipped ones
# Where messages about rollouts go: apprise URLs by group, separated by spaces (commas may stand within one).
NOTIFY_URLS = {
    "oncall": env.text("NOTIFY_URLS_ONCALL").split(),
    "team": env.text("NOTIFY_URLS_TEAM").split(),
    "stakeholders": env.text("NOTIFY_URLS_STAKEHOLDERS").split(),
}
ENVIRONMENT_NAME = env.text("ENVIRONMENT_NAME", "local")
