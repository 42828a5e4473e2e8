"""From Parquet files of events to marts: which files can be read, the raw tables, dbt, and the marts as Parquet."""
