{{ staged("plan.submitted", plan_columns({})) }}
