{{ staged("activity.imported", {"athlete": "text", "sport": "text", "added": "number"}) }}
