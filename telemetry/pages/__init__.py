"""Pages of our own in the admin: alerts, and the dashboards."""
