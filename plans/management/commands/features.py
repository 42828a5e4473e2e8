"""The feature store: export, look, check."""

from __future__ import annotations

import importlib.util
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from common.context import COMMAND_LINE
from common.errors import InvalidInput, WrongState
from common.management.base import PARTLY_FAILED, MesocycleCommand, moment
from modeling.training.contract import TABLES
from plans.services.export_features import export_features, open_place


class Command(MesocycleCommand):
    """`features export | status | verify`."""

    help = "The feature store that retraining reads: Parquet files of athletes who consented, without names."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do."""
        super().add_arguments(parser)
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        export = actions.add_parser("export", help="bring the store up to date; months that did not change stay")
        export.add_argument("--as-of", type=moment, metavar="WHEN", help="what was known then (ISO 8601)")
        actions.add_parser("status", help="what is there")
        actions.add_parser("verify", help="compare every file with the manifest's hashes")

    def run(self, **options: Any) -> int | None:
        """Do it."""
        missing = [name for name in ("duckdb", "pyarrow") if importlib.util.find_spec(name) is None]
        if missing:
            raise WrongState(f"{', '.join(missing)} not installed: install the extra [ml].")
        from modeling.training.store_files import EmptyStore, StoreError

        action = options["action"]
        try:
            if action == "export":
                return self._export(options.get("as_of"))
            return self._status() if action == "status" else self._verify()
        except EmptyStore as error:
            raise InvalidInput(str(error)) from error
        except StoreError as error:
            if self.as_json:
                self.emit({"error": {"title": type(error).__name__, "detail": str(error)}})
            self.note(str(error))
            return PARTLY_FAILED

    def _export(self, as_of: datetime | None) -> int | None:
        with self.progress() as bar:
            task = bar.add_task("exporting", total=len(TABLES))

            def tell(name: str, at: int, of: int) -> None:
                bar.update(task, description=name, completed=at, total=of)

            done = export_features(as_of=moment(as_of) if as_of else None, acting_user=COMMAND_LINE, progress=tell)
        told = {"as_of": done.as_of, "athletes": done.athletes, "files_written": done.written, "files_kept": done.kept,
                "files_removed": done.removed, "data_sha256": done.data_sha256, "seconds": done.seconds}  # fmt: skip
        if self.as_json:
            self.emit({**told, "rows": done.rows})
        else:
            self.table([{"table": name, "rows": rows} for name, rows in done.rows.items()])
            self.table([{"what": name, "value": str(value)} for name, value in told.items()])
        return None

    def _status(self) -> int | None:
        from modeling.training.store_files import read_manifest

        place = open_place()
        found = read_manifest(place)
        rows = [
            {
                "table": name,
                "rows": sum(part.rows for part in parts),
                "files": len(parts),
                "bytes": sum(part.size for part in parts),
                "first_month": parts[0].month if parts else "",
                "last_month": parts[-1].month if parts else "",
            }
            for name, parts in found.parts.items()
        ]
        told = {"place": place.url, "exported_at": found.exported_at, "as_of": found.as_of or found.exported_at,
                "athletes": len(found.consented), "data_sha256": found.data_sha256()}  # fmt: skip
        if self.as_json:
            self.emit({**told, "tables": rows})
        else:
            self.table(rows)
            self.table([{"what": name, "value": str(value)} for name, value in told.items()])
        return None

    def _verify(self) -> int | None:
        from modeling.training.store import FeatureStore

        store = FeatureStore.open(open_place().url)
        store.verify()
        files = len(store.manifest.paths())
        if self.as_json:
            self.emit({"files": files, "data_sha256": store.data_sha256(), "ok": True})
        else:
            self.stdout.write(f"{files} files hold what was exported; data {store.data_sha256()}")
        return None
