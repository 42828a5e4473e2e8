"""How the next model is learned: feature store in, a document of `modeling.learned` and its evaluation out.

Reads Parquet that `plans` exported, never another app's tables, and knows no framework. scikit-learn, DuckDB and
pyarrow are the extra [ml], imported where they are used.
"""
