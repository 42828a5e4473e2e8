from accounts.admin import grants, notifications, people  # noqa: F401  (register)
