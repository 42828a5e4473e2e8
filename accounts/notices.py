"""What administrators are told about people."""

from django.utils.translation import gettext

from accounts.notifications import register_kind

ERASURE_REQUESTED = "erasure.requested"

register_kind(
    ERASURE_REQUESTED,
    title=lambda data: gettext("Somebody asks to be erased. Look and decide."),
    link=lambda data: f"/admin/accounts/erasurerequest/{data['request_id']}/change/",
)
