"""Backup and restore: one snapshot of the database, the files that belong to it, and a manifest that proves both.

Every app says what it adds (`contributions`); `manage.py backup` makes, checks, thins out and restores.
"""
