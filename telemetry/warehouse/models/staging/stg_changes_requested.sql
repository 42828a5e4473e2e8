{{ staged("plan.changes_requested", plan_columns({})) }}
