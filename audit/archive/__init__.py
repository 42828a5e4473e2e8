"""Sealed segments outside the database: their format (pure) and the places where they are kept."""
