{{ staged("model.fitted", {
    "athlete": "text",
    "method": "text",
    "grade": "text",
    "n_tests": "number",
    "model_version": "text",
}) }}
