from plans.admin import athletes, grants, history, plans  # noqa: F401  (register)
