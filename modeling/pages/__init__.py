"""Pages of runs and model versions, for data scientists and administrators."""
