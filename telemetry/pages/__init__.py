"""The operators' pages of alerts."""
