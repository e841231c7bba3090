"""Datasets of the Hugging Face Hub: the files that they are published in."""

from pyarrow.fs import FileSelector, FileSystem, FileType

from .formats import FORMATS, suffix_of

__all__ = ["row_files"]

_ROWS = {suffix for one in FORMATS if one.has_rows for suffix in one.suffixes}


def row_files(filesystem: FileSystem, folder: str) -> list[str]:
    """The files with rows in a folder and below, as datasets are published, by path."""
    found = filesystem.get_file_info(FileSelector(folder, recursive=True))
    files = (info.path for info in found if info.type is FileType.File)
    return sorted(path for path in files if suffix_of(path) in _ROWS)
