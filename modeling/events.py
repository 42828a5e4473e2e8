"""Audit and telemetry events of this app; corrections are B8's "manual data corrections"."""

from audit.events import register
from telemetry.events import register as register_telemetry

_CORRECTION = frozenset({"model", "reason", "before", "after", "fits_invalidated"})

register("history.import", target_type="athlete", metadata=frozenset({"files", "added", "known", "tests", "problems"}))
register("test.add", target_type="test", metadata=frozenset({"day", "value", "kind", "source"}))
register("test.propose", target_type="athlete", metadata=frozenset({"rule", "proposed"}))
register("test.accept", target_type="athlete", metadata=frozenset({"proposals", "rule"}))
register("threshold.add", target_type="threshold", metadata=frozenset({"sport", "valid_from"}))
# What was measured and noted about an athlete is personal: ciphertext, like the reason.
_VALUES = frozenset({"before", "after"})
register("data.correct", target_type="history", metadata=_CORRECTION, free_text=_VALUES)
register("data.delete", target_type="history", metadata=_CORRECTION, free_text=_VALUES)
register(
    "tags.train",
    target_type="tag_model",
    metadata=frozenset({"version", "sha256", "corrections", "mean_f1", "difference", "low", "accepted"}),
)
register("tags.stop", target_type="tag_model", metadata=frozenset({"version", "why"}))
register("model.train", target_type="training_run", metadata=frozenset({"as_of", "trigger", "dry_run"}))
register("model.trained", target_type="training_run", metadata=frozenset({"status", "data_sha256"}))
register("model.candidate", target_type="algorithm_version", metadata=frozenset({"name", "sha256", "run_id"}))
register("model.propose", target_type="algorithm_version", metadata=frozenset({"name", "experiment"}))
_MOVED = frozenset({"name", "sha256", "replaces", "reason"})
register("model.promote", target_type="algorithm_version", metadata=_MOVED | {"experiment", "without_experiment"})
register("model.rollback", target_type="algorithm_version", metadata=_MOVED)
_VERSION = frozenset({"name", "status", "sha256", "experiment"})
register("model.state", target_type="algorithm_version", metadata=_VERSION, state=True)
register("model.fit", target_type="fit", metadata=frozenset({"method", "grade", "n_tests", "cache_key"}))
register("model.recompute", target_type="fit", metadata=frozenset({"outcome", "deviation"}))
register("heuristic.create", target_type="heuristic", metadata=frozenset({"name", "document", "reason"}))
register("heuristic.step", target_type="heuristic", metadata=frozenset({"name", "command", "reason"}))
register("heuristic.state", target_type="heuristic", metadata=frozenset({"name", "status", "experiment"}), state=True)
_PATTERN = frozenset({"key", "pattern", "reason"})
register("report.prefer", target_type="user", metadata=frozenset({"wants_mail"}))
register("pattern.find", target_type="override_pattern", metadata=frozenset({"key", "pattern", "log_e", "data_sha256"}))
register("pattern.adopt", target_type="override_pattern", metadata=_PATTERN)
register("pattern.dismiss", target_type="override_pattern", metadata=_PATTERN)
register(
    "pattern.state", target_type="override_pattern", metadata=frozenset({"key", "status", "experiment"}), state=True
)

register_telemetry(
    "activity.imported",
    data=frozenset({"athlete", "sport", "added", "known", "tests", "problems"}),
    person_aggregate=True,
)
register_telemetry(
    "model.fitted",
    data=frozenset({"athlete", "fit_id", "method", "grade", "n_tests", "model_version"}),
    person_aggregate=True,
)
register_telemetry(
    "model.recomputed",
    data=frozenset({"athlete", "fit_id", "model_version", "outcome", "deviation"}),
    person_aggregate=True,
)
