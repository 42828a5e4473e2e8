{{ config(materialized="table") }}
{{ staged("session.completed", plan_columns({
    "session_id": "text",
    "status": "text",
    "rpe": "number",
    "day": "date",
})) }}
