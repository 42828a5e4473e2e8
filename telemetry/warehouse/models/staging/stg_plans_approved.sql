{{ staged("plan.approved", plan_columns({"changes": "number", "changed": "json", "is_override": "boolean"})) }}
