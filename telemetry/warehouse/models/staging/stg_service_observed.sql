{{ staged("service.observed", {
    "hour": "timestamp",
    "requests": "number",
    "total_ms": "number",
    "cache_hits": "number",
    "cache_misses": "number",
    "probes": "number",
    "probes_answered": "number",
}) }}
