{{ staged("plan.commented", plan_columns({"visibility": "text"})) }}
