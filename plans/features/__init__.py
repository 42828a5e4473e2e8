"""Rows of the database as the feature store's tables (`modeling.training.contract`), one module a group of tables.

Queries alone: what a change, a week or a share is, is said where it belongs. Each source yields rows about athletes
whose consent stands, in any order; those of sessions and overrides are made of versions that never change.
"""
