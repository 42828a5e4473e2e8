from accounts.admin import break_glass, erasure, grants, holds, notifications, people  # noqa: F401  (register)
