{{ staged("athlete.described", {
    "athlete": "text",
    "coach_id": "text",
    "sport": "text",
    "level": "text",
    "tier": "text",
    "joined_on": "date",
}) }}
