{{ staged("plan.completed", plan_columns({})) }}
