from accounts.admin import grants, people  # noqa: F401  (register)
