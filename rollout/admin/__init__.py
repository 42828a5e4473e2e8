from rollout.admin import announcements, flags, messages, reports  # noqa: F401  (registers the pages)
from rollout.pages import views  # noqa: F401  (registers the pages)
