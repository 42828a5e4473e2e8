{{ staged("plan.superseded", plan_columns({})) }}
