"""Partitioning by month, an option on PostgreSQL: tables that grow with time become one table a month.

A UUIDv7 begins with its moment, so the key that a table has is a key to partition by: models, foreign keys out and
unique keys stay as they are, and Django does not notice. `manage.py partition` turns a table and turns it back,
`ahead` makes coming months, `dropping` lets retention drop whole months. Which tables may: `tables.PARTITIONABLE`.
"""
