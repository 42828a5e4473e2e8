# Everything a developer types. Each target does its own set-up; second runs are quick.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
DATABASE_ADMIN ?= postgresql://postgres@127.0.0.1:5432/postgres
PYTEST := $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
UV := $$(command -v uv || echo $(VENV)/bin/uv)
# uv installs in a fraction of pip's time; pip does where it cannot.
INSTALL = install() { $(UV) pip install --quiet --python $(PY) --require-hashes -r $$1 2>/dev/null || $(PIP) -r $$1; }; install
BANDIT := $(VENV)/bin/bandit --quiet --confidence-level medium --configfile pyproject.toml --recursive \
	accounts audit common config experiments modeling plans rollout telemetry
export UV_PYTHON_DOWNLOADS := never
# Many containers forbid Python to keep bytecode: every process would compile 2,800 modules anew. It is kept in the venv.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/$(VENV)/bytecode
endif

.PHONY: help setup demo up test test-browser test-postgres test-heavy screenshots fuzz check bench load audit-dependencies format lock schema
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(STAMP)  ## make .venv and install the locked packages

$(STAMP): requirements.lock
	@if [ ! -x $(PY) ]; then \
	  for candidate in python3.13 python3.12 python3.11 python3; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	      $$candidate -m venv $(VENV) && break; \
	    fi; \
	  done; \
	fi
	@test -x $(PY) || { echo "Mesocycle needs Python 3.11 or newer (with venv); none was found."; exit 1; }
	@command -v uv >/dev/null 2>&1 || { sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(VENV)/uv.lock && $(PIP) -r $(VENV)/uv.lock; } || true
	@$(INSTALL) requirements.lock
	@touch $(STAMP)

demo: $(STAMP)  ## demo data on SQLite, then serve on http://127.0.0.1:8000
	$(PY) manage.py demo

FORMATION ?= web=1,worker=1,beat=1,relay=1
up: $(STAMP)  ## web, worker, beat and relay (Procfile) on the PostgreSQL and Redis of the environment or .env
	@export PATH="$(CURDIR)/$(VENV)/bin:$$PATH" DJANGO_SETTINGS_MODULE=$${DJANGO_SETTINGS_MODULE:-config.settings.production}; \
	honcho run python -m config.settings.required && honcho run python manage.py migrate --check --verbosity 0 \
	|| { echo "Not started: a variable is missing, or the database is away or lacks migrations (docs/operations/deploy.md)."; exit 2; }; \
	exec python -m config.up start --port $${PORT:-8000} --concurrency $(FORMATION)

test: $(STAMP)  ## the suite on SQLite, but for what is heavy
	$(PYTEST) -m "not heavy"

test-browser: $(STAMP)  ## the pages in headless Chromium alone, with pictures of them in var/screenshots
	MESOCYCLE_PICTURES=yes $(PYTEST) -m browser

screenshots: $(VENV)/.installed-bench  ## the pictures of the coach guide, docs/img/guide
	$(PY) -m tests.pages.guide

ON_POSTGRES = TEST_DATABASE_ADMIN_URL=$${TEST_DATABASE_ADMIN_URL:-$(DATABASE_ADMIN)} TEST_ON_POSTGRES=yes \
	REDIS_URL=$${REDIS_URL:-redis://127.0.0.1:6379/9} $(PYTEST)
test-postgres: $(STAMP)  ## the suite on PostgreSQL as app_rw and Redis, with a real Celery worker
	$(ON_POSTGRES) -m "not heavy and not pure and not browser and not once"

test-heavy: $(STAMP)  ## before a release: what test and test-postgres leave out, but for pages (test-browser)
	@# Both are run: what fails on one database may hold on the other.
	$(PYTEST) -m "heavy and not browser"; sqlite=$$?; \
	$(ON_POSTGRES) -m "heavy and not pure and not browser and not once" && exit $$sqlite

fuzz: $(STAMP)  ## requests made from the OpenAPI document, MESOCYCLE_FUZZ=200 of them an operation and person
	MESOCYCLE_FUZZ=$${MESOCYCLE_FUZZ:-200} $(PY) -m pytest -q tests/access/test_schema_fuzz.py

.PHONY: explore
explore: $(STAMP)  ## properties tried with other examples each time, MESOCYCLE_EXPLORE=400 of them
	MESOCYCLE_EXPLORE=$${MESOCYCLE_EXPLORE:-400} $(PYTEST) -m "hypothesis or chance"

.PHONY: chaos
chaos: $(STAMP)  ## kill, stop, fill and set back what there is for ten minutes under load, on servers of its own
	$(PY) -m tests.chaos --minutes $${MINUTES:-10} --seed $${SEED:-1} --calm $${CALM:-1} --report docs/reports/chaos.md

check: $(STAMP)  ## lint, types, floors, bandit, missing migrations, schemas of events, OpenAPI warnings
	$(VENV)/bin/ruff check --no-cache .
	$(VENV)/bin/ruff format --no-cache --check .
	$(VENV)/bin/lint-imports
	@# A nosec warns for every other finding that its line does not have: the second run is for what fails.
	$(BANDIT) 2>/dev/null || $(BANDIT)
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check_schemas
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(VENV)/bin/mypy

load: $(STAMP) $(VENV)/.installed-bench  ## 10,000 plans on PostgreSQL, 50 to 500 virtual people; writes docs/reports/load.md
	$(PY) -m tests.load.populate --plans $${LOAD_PLANS:-10000}
	$(PY) -m tests.load.run

bench: $(STAMP) $(VENV)/.installed-bench  ## ratios against named peers, long sweeps
	$(PY) -m bench --report docs/reports/bench.md

$(VENV)/.installed-bench: requirements-bench.lock $(STAMP)
	@$(INSTALL) requirements-bench.lock
	@touch $@

audit-dependencies: .venv-audit/.installed  ## ask for advisories about every locked package; needs the net
	@for lock in requirements*.lock; do \
	  echo "$$lock"; .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock || exit 1; \
	done

.venv-audit/.installed: requirements-audit.lock $(STAMP)
	@test -x .venv-audit/bin/python || $(PY) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $@

format: $(STAMP)  ## format and sort imports
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --no-strip-extras
lock: $(STAMP)  ## resolve requirements.in and requirements-bench.in into their locks
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) -c requirements.lock requirements-bench.in -o requirements-bench.lock
	$(COMPILE) requirements-audit.in -o requirements-audit.lock
