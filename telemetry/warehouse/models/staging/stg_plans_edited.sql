{{ staged("plan.edited", plan_columns({"volume_percent": "number", "load_percent": "number", "reasons": "json"})) }}
