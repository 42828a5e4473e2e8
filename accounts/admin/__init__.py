from accounts.admin import people  # noqa: F401  (register)
