{{ staged("plan.withdrawn", plan_columns({})) }}
