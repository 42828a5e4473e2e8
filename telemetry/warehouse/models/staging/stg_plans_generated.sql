{{ staged("plan.generated", plan_columns({
    "grade": "text",
    "race": "text",
    "outcome": "text",
    "variant": "text",
    "preference": "text",
})) }}
