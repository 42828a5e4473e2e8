from plans.admin import athletes, history, plans  # noqa: F401  (register)
