"""Rows of tables.

rows.py        the rows that count, as records
columnar.py    Parquet and Arrow: columns of row groups
csv_files.py   CSV: columns of blocks
"""

from .columnar import open_arrow, open_parquet
from .csv_files import open_csv
from .rows import read_table

__all__ = ["open_arrow", "open_csv", "open_parquet", "read_table"]
