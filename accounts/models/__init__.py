from accounts.models.athlete import Athlete, Level, Sex, Sport, Tier
from accounts.models.break_glass import BreakGlass
from accounts.models.consent import Consent, Purpose
from accounts.models.erasure import ErasureRequest, ErasureState
from accounts.models.grant import AthleteGrant, Grant
from accounts.models.hold import LegalHold
from accounts.models.link import CoachLink
from accounts.models.notification import Notification
from accounts.models.refresh import RefreshToken
from accounts.models.team import Team, TeamMembership
from accounts.models.user import Intensity, Language, Role, Units, User

__all__ = [
    "Athlete",
    "AthleteGrant",
    "BreakGlass",
    "CoachLink",
    "Consent",
    "ErasureRequest",
    "ErasureState",
    "Grant",
    "Intensity",
    "Language",
    "LegalHold",
    "Level",
    "Notification",
    "Purpose",
    "RefreshToken",
    "Role",
    "Sex",
    "Sport",
    "Team",
    "TeamMembership",
    "Tier",
    "Units",
    "User",
]
