{{ config(materialized="table") }}
{{ staged("plan.version.updated", plan_columns({"schedule": "json"})) }}
