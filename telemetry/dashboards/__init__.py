"""What the dashboards show, read from the published marts alone."""
