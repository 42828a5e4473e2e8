{{ staged("model.recomputed", {"athlete": "text", "fit_id": "text", "outcome": "text", "deviation": "number"}) }}
