"""Prepare a PostgreSQL server: roles, database, privileges."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from django.core.management.base import CommandParser

from common.errors import InvalidInput
from common.management.base import MesocycleCommand
from common.provisioning import ROLES, ensure_database, ensure_roles, grant


class Command(MesocycleCommand):
    """Create roles and database; running it again changes only what is missing."""

    help = (
        "Prepare PostgreSQL: roles app_owner (owns and migrates), app_rw (the application), app_audit, app_ro; the "
        "database; and the privileges of tables to come. Run `migrate` as app_owner afterwards."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the server's address and the database's name."""
        parser.add_argument(
            "--admin-url",
            default=os.environ.get("DATABASE_ADMIN_URL", ""),
            help="postgresql:// URL of a role that may create roles and databases (default: $DATABASE_ADMIN_URL)",
        )
        parser.add_argument("--name", default="mesocycle", help="database to create (default: %(default)s)")

    def run(self, **options: Any) -> int | None:
        """Set up server and database, and say what was new."""
        url, name = options["admin_url"], options["name"]
        if not url:
            raise InvalidInput("say --admin-url or set DATABASE_ADMIN_URL", pointer="/admin-url")
        try:
            with psycopg.connect(url, autocommit=True) as server:
                new_roles = ensure_roles(server)
                new_database = ensure_database(server, name)
            with psycopg.connect(url, dbname=name) as database:
                grant(database, name)
        except psycopg.OperationalError as error:
            raise InvalidInput(f"cannot connect: {error}", pointer="/admin-url") from error
        result = {"database": name, "database_created": new_database, "roles": list(ROLES), "roles_created": new_roles}
        if options["as_json"]:
            self.emit(result)
        else:
            rows = [{"role": role, "new": "yes" if role in new_roles else "no"} for role in ROLES]
            self.table(rows, title=f"database {name}{' (new)' if new_database else ''}")
        return None
