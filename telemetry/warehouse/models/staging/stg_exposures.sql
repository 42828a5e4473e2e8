{{ staged("experiment.exposed", {
    "athlete": "text",
    "coach": "text",
    "experiment": "text",
    "variant": "text",
    "exposed_at": "timestamp",
}) }}
