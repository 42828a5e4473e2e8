"""Synthetic cohorts with planted truths, as tables of the feature store. No athlete in them exists."""
