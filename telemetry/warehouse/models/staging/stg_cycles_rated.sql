{{ staged("cycle.rated", plan_columns({"score": "number"})) }}
