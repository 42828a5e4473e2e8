"""What coaches changed and what was learned from it, for data scientists and for the coaches themselves."""
