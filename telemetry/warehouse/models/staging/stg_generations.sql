{{ staged("generation.settled", {
    "athlete": "text",
    "coach_id": "text",
    "generation_id": "text",
    "plan_id": "text",
    "outcome": "text",
    "latency_ms": "number",
    "pipeline": "text",
    "preference": "text",
    "experiment_arm": "text",
    "variant": "text",
    "algorithm_version": "text",
}) }}
