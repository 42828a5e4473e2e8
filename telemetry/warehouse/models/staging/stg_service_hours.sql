{{ staged("service.measured", {
    "hour": "timestamp",
    "route": "text",
    "method": "text",
    "requests": "number",
    "client_errors": "number",
    "server_errors": "number",
    "latency": "json",
}) }}
