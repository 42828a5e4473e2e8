"""What people are told about their reports."""

from accounts.notifications import register_kind
from rollout.services.reports import ANSWERED
from rollout.support import TOPICS, Topic

register_kind(
    ANSWERED,
    title=lambda data: f"Your report was answered: {TOPICS[Topic(data['topic'])].lower()}.",
    link=lambda data: "/admin/rollout/report/" if data["for"] == "staff" else "/api/v1/reports",
)
