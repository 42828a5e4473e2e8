"""Statistics that several apps share, pure: numbers in, numbers out."""
