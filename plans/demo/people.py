"""Who is in the demo."""

from __future__ import annotations

from typing import Final

from plans.demo.simulator import SyntheticAthlete

PASSWORD: Final = "mesocycle-demo"
DOMAIN: Final = "demo.mesocycle.example"

# (local part, name, role); the two athletes log in as the first two synthetic athletes.
ACCOUNTS: Final = (
    ("admin", "Ada Admin", "admin"),
    ("admin2", "Ben Admin", "admin"),
    ("coach", "Clara Coach", "coach"),
    ("coach2", "Carl Coach", "coach"),
    ("athlete", "Runner 01", "athlete"),
    ("athlete2", "Runner 02", "athlete"),
    ("scientist", "Dana Scientist", "data_scientist"),
    ("support", "Sam Support", "support"),
    ("compliance", "Chris Compliance", "compliance"),
)

# (race, weeks ahead) for each athlete's plan.
RUNNER_RACES: Final = (("marathon", 20), ("half_marathon", 14), ("10k", 12), ("5k", 10), ("marathon", 16), ("10k", 8))
CYCLIST_RACES: Final = (("40km_tt", 12), ("gran_fondo", 16))

ATHLETES: Final = (
    SyntheticAthlete("Runner 01", "running", "advanced", "elite", "female", 1992, 101),
    SyntheticAthlete("Runner 02", "running", "intermediate", "premium", "male", 1985, 102),
    SyntheticAthlete("Runner 03", "running", "beginner", "guided", "female", 1998, 103),
    SyntheticAthlete("Runner 04", "running", "elite", "elite", "male", 1996, 104),
    SyntheticAthlete("Runner 05", "running", "intermediate", "basic", "female", 1979, 105),
    SyntheticAthlete("Runner 06", "running", "advanced", "elite", "male", 1988, 106),
    SyntheticAthlete("Runner 07", "running", "intermediate", "elite", "female", 1990, 107),
    SyntheticAthlete("Runner 08", "running", "beginner", "free", "male", 2001, 108),
    SyntheticAthlete("Rider 01", "cycling", "advanced", "elite", "male", 1987, 201),
    SyntheticAthlete("Rider 02", "cycling", "intermediate", "premium", "female", 1994, 202),
    SyntheticAthlete("Rider 03", "cycling", "beginner", "guided", "male", 1976, 203),
    SyntheticAthlete("Rider 04", "cycling", "elite", "elite", "female", 1999, 204),
)
