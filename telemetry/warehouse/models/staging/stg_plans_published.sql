{{ config(materialized="table") }}
{{ staged("plan.published", plan_columns({"schedule": "json"})) }}
