"""The operators' pages of experiments in the admin."""
