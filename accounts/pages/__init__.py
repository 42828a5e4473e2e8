"""Pages of the accounts app that belong to no model's list."""
