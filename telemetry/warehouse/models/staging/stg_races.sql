{{ staged("race.result", plan_columns({
    "race": "text",
    "grade": "text",
    "unit": "text",
    "predicted": "number",
    "raced": "number",
    "error_percent": "number",
    "before": "number",
    "improvement_percent": "number",
    "raced_on": "date",
})) }}
