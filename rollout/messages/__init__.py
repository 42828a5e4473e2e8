"""What stakeholders read about rollouts, rendered from the record by pure functions."""
