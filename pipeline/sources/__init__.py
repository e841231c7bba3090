"""Where workflows come from, as one stream of records.

    a source            →  input files  →  records
    file · folder · URI    locations       documents (one file, one record)
    list on stdin                          lines · tables · archives (many)

Records come in a fixed order: sources as given, the files of a folder by path, rows and
members as they stand.  Inputs are read as streams, never as a whole, and never changed;
what cannot be read is a record with a problem, and the rest goes on.

`locations` and `folders` find the files, here or in any filesystem of pyarrow; `files`
opens them; `lines`, `tables` and `archives` (`zip`, `tar`) each know one kind of file;
`cells` makes values of columns; `conditions` says which rows count; `reading` walks
through all of them.
"""

from .conditions import Condition
from .files import InputFile
from .locations import Location, Source, input_files, linked_sources, listed_sources
from .reading import fingerprint, read_file, read_records
from .records import Columns, Record

__all__ = [
    "Columns",
    "Condition",
    "InputFile",
    "Location",
    "Record",
    "Source",
    "fingerprint",
    "input_files",
    "linked_sources",
    "listed_sources",
    "read_file",
    "read_records",
]
