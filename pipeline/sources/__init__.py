"""Where workflows come from, as one stream of records.

    source ─▶ input files ─▶ format by suffix ─▶ records

    locations.py, folders.py   the files of a source, here or in any filesystem
    hub.py                     datasets of the Hugging Face Hub
    input_file.py              one file: its name, and its bytes as a stream
    formats.py                 suffix → reader; a new format is registered here
      jsonl.py                   a record per line
      tables/                    a record per row of Parquet, Arrow or CSV
      archives/                  a record per member of a .zip or .tar
      git/                       a record per version in a git repository
    cells.py, times.py         columns of any type to texts, names and times
    where.py                   which rows count
    text_files.py              texts in files that rows name
    records.py                 a record, and the columns that it is made of
    read.py                    every record of every source

Records come in a fixed order: sources as given, files of a folder by path, rows and
members in file order.  Inputs are read as streams and never changed.  An input that
cannot be read becomes a record with a problem, and reading goes on.
"""

from .input_file import InputFile
from .locations import (
    Location,
    Source,
    historic_sources,
    input_files,
    linked_sources,
    listed_sources,
)
from .read import fingerprint, read_records
from .records import Columns, Record
from .where import Condition

__all__ = [
    "Columns",
    "Condition",
    "InputFile",
    "Location",
    "Record",
    "Source",
    "fingerprint",
    "historic_sources",
    "input_files",
    "linked_sources",
    "listed_sources",
    "read_records",
]
