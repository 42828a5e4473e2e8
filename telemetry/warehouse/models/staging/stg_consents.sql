{{ staged("consent.recorded", {"athlete": "text", "purpose": "text", "granted": "boolean"}) }}
