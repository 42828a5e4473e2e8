"""A fit's report as tables and as the model card that a coach reads."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext

from common.translating.showing import shown
from modeling.models import Fit

KIND_TILES: Final = {"running": "R", "cycling": "C", "other": "·"}
PARAMETERS: Final = {
    "tau1": ("τ1 fitness", "d"),
    "tau2": ("τ2 fatigue", "d"),
    "k1": ("k1 fitness gain", ""),
    "k2": ("k2 fatigue gain", ""),
    "p0": ("p0 base level", ""),
}


def report_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters as rows: value, interval, and whether the tests tell."""
    rows = []
    for name, (label, unit) in PARAMETERS.items():
        estimate = report[name]
        rows.append(
            {
                "parameter": label,
                "value": _number(estimate["value"], unit),
                "95 % interval": _interval(estimate["interval"]),
                "identified": "yes" if estimate["identified"] else "no: the tests do not tell",
            }
        )
    return rows


def report_sections(report: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return further tables of a report: out-of-sample errors and how they move with the priors."""
    sections = []
    validation = report.get("validation") or {}
    errors = validation.get("errors") or {}
    if errors:
        rows = [
            {"predictor": name, "mean error %": round(value, 2)} for name, value in errors.items() if value is not None
        ]
        sections.append((f"Next test predicted before it was run ({validation.get('n', 0)} tests)", rows))
    priors = report.get("prior_sensitivity") or []
    if isinstance(priors, dict):
        priors = [{"priors": name, "mean error %": value} for name, value in priors.items()]
    if priors:
        sections.append(("The same under other plausible priors", [_flat(row) for row in priors]))
    return sections


def model_card(fit: Fit) -> dict[str, Any]:
    """Return the model card: rows with interval plots, skill, coverage, and what the data cannot tell."""
    report = fit.report
    validation = report.get("validation") or {}
    return {
        "grade": fit.get_grade_display(),
        "dots": range({"calibrated": 3, "provisional": 2, "population": 1}[fit.grade]),
        "holes": range(3 - {"calibrated": 3, "provisional": 2, "population": 1}[fit.grade]),
        "rows": [
            _card_row("tau1", "τ", "1", "fitness", report["tau1"], 120),
            _card_row("tau2", "τ", "2", "fatigue", report["tau2"], 40),
        ],
        "skill": _skill(report.get("skill_vs_last")),
        "coverage": _coverage(validation),
        "unidentified": gettext(" and ").join(
            shown(PARAMETERS[name][0]) for name in ("tau1", "tau2") if not report[name]["identified"]
        ),
        "warnings": report.get("warnings", []),
        "fitted": fit.created_at,
        "tests": fit.n_tests,
        "window": (fit.window_from, fit.window_until),
        "version": fit.model_version,
    }


def _card_row(name: str, letter: str, index: str, label: str, estimate: dict[str, Any], full: float) -> dict[str, Any]:
    low, high = estimate["interval"]
    return {
        "name": name,
        "letter": letter,
        "index": index,
        "label": label,
        "value": f"{estimate['value']:.0f} d",
        "range": f"{low:.0f} – {high:.0f}",
        "identified": estimate["identified"],
        "left": round(min(low / full, 1) * 92, 1),
        "width": round(max(min(high / full, 1) - min(low / full, 1), 0.02) * 92, 1),
        "dot": round(min(estimate["value"] / full, 1) * 92, 1),
    }


def _skill(skill: Any) -> str:
    value = skill.get("value") if isinstance(skill, dict) else skill
    return "not known yet" if value is None else f"{100 * value:+.0f} %".replace("-", "−")


def _coverage(validation: dict[str, Any]) -> str:
    n, share = validation.get("n") or 0, validation.get("coverage80")
    return f"{round(share * n)} of {n}" if n and share is not None else "not known yet"


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()


def _interval(interval: list[float] | None) -> str:
    return f"{interval[0]:.3g} – {interval[1]:.3g}" if interval else "–"


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
