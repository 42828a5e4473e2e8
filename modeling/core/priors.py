"""The priors of the fit: one set for everybody, and a grid of other plausible ones to show how little hangs on the
choice.

Performance is scaled by p̂, the mean of the first two tests, so that the sizes below are shares of it:

    y(t)/p̂ = b0 + bF·g(t)/(w̄τ1) − bH·h(t)/(w̄τ2) − bI·e^(−t/τ1) + r(t) + ε

Sources. Time constants: Banister's 45 and 15 days (Morton, Fitz-Clarke & Banister 1990), 42 and 7 of the performance
manager (Coggan),
and the spread of published individual fits, τ1 about 25–65 and τ2 about 5–20 days (Clarke & Skiba 2013; Hellard et
al. 2006; Pfeiffer 2008),
hence log-normal around 42 and 11; the spread of τ1 makes 25–65 its central nine tenths. Sizes: training is worth about
a fifth of performance (HERITAGE, Bouchard et al.
1999: mean 19 % of
VO2max), give or take a tenth; a taper that sheds about half the fatigue gives back 0.5–6 % (Bosquet et al. 2007;
Mujika & Padilla 2003), so
that fatigue at mean load costs about a tenth, give or take half of that. Noise: day-to-day variation of laboratory
tests 1 %, of races 1.5–2 %, of field efforts 3–4 % (Hopkins, Schabort & Hawley 2001).
Drift: what load does not explain (illness, heat, technique, ageing), 2–5 % over about three months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

NOISE: Final[Mapping[str, float]] = MappingProxyType({"lab": 0.010, "race": 0.015, "field": 0.035})


@dataclass(frozen=True)
class Priors:
    """Prior means and spreads; shares of p̂ unless a unit is given.

    mean, sd: of (b0, bF, bH, bI): base, fitness, fatigue, unknown initial state.
    tau1_days, tau1_log_sd, tau2_days, tau2_log_sd: log-normal time constants.
    min_ratio: τ1 ≥ min_ratio · τ2.
    drift_sd, drift_days: settings of the Ornstein–Uhlenbeck drift that are averaged over, equally weighted a priori.
    noise: standard deviation by kind of test; noise_factors: what it may be multiplied by, averaged over like the
    drift, since
        some athletes' efforts scatter far more than others'.
    """

    name: str = "default"
    mean: tuple[float, float, float, float] = (0.90, 0.20, 0.10, 0.0)
    sd: tuple[float, float, float, float] = (0.15, 0.10, 0.05, 0.15)
    tau1_days: float = 42.0
    tau1_log_sd: float = 0.30
    tau2_days: float = 11.0
    tau2_log_sd: float = 0.5
    min_ratio: float = 1.5
    drift_sd: tuple[float, ...] = (0.02, 0.05)
    drift_days: tuple[float, ...] = (90.0,)
    noise_factors: tuple[float, ...] = (0.6, 1.0, 1.7)
    noise: Mapping[str, float] = field(default_factory=lambda: NOISE)

    def as_dict(self) -> dict[str, object]:
        """Return the priors as JSON."""
        return {
            "name": self.name,
            "mean": list(self.mean),
            "sd": list(self.sd),
            "tau1": [self.tau1_days, self.tau1_log_sd],
            "tau2": [self.tau2_days, self.tau2_log_sd],
            "min_ratio": self.min_ratio,
            "drift_sd": list(self.drift_sd),
            "drift_days": list(self.drift_days),
            "noise": dict(self.noise),
        }


DEFAULT_PRIORS: Final = Priors()

# Each differs in one thing that a reasonable person could have chosen otherwise.
PRIOR_GRID: Final[tuple[Priors, ...]] = (
    replace(DEFAULT_PRIORS, name="fatigue 7 days", tau2_days=7.0),
    replace(DEFAULT_PRIORS, name="fatigue 15 days", tau2_days=15.0),
    replace(DEFAULT_PRIORS, name="fitness 50 days", tau1_days=50.0),
    replace(DEFAULT_PRIORS, name="wider time constants", tau1_log_sd=0.5, tau2_log_sd=0.7),
    replace(DEFAULT_PRIORS, name="wider gains", mean=(0.85, 0.25, 0.10, 0.0), sd=(0.15, 0.15, 0.10, 0.15)),
    replace(DEFAULT_PRIORS, name="smaller gains", mean=(0.90, 0.15, 0.05, 0.0), sd=(0.10, 0.10, 0.05, 0.10)),
    replace(DEFAULT_PRIORS, name="gains in between", mean=(0.88, 0.20, 0.08, 0.0), sd=(0.15, 0.12, 0.08, 0.15)),
    replace(DEFAULT_PRIORS, name="less, slower drift", drift_sd=(0.01, 0.03), drift_days=(150.0, 365.0)),
    replace(DEFAULT_PRIORS, name="more drift", drift_sd=(0.05, 0.08)),
    replace(DEFAULT_PRIORS, name="noise taken as stated", noise_factors=(1.0,)),
)
