{{ staged("report.filed", {"athlete": "text", "severity": "text"}) }}
