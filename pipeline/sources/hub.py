"""Datasets of the Hugging Face Hub, by `hf://datasets/owner/name`.

The library of the Hub finds the token, the endpoint and the revision, as in
`hf://datasets/owner/name@revision/folder`.
"""

from pyarrow.fs import FileSelector, FileSystem, FileType, FSSpecHandler, PyFileSystem

from ...data.errors import ConfigError
from .formats import FORMATS, suffix_of

__all__ = ["HUB", "hub", "row_files"]

HUB = "hf://"

_ROWS = {suffix for one in FORMATS if one.has_rows for suffix in one.suffixes}


def hub() -> FileSystem:
    """The Hub as a filesystem; nothing is asked of it yet.

    Raises:
        ConfigError: its library is not installed.
    """
    try:
        from huggingface_hub import HfFileSystem
    except ImportError:
        raise ConfigError(
            "hf://: the package huggingface_hub is not installed",
            "pip install 'tct-workflows[hub]'",
        ) from None
    return PyFileSystem(FSSpecHandler(HfFileSystem()))


def row_files(filesystem: FileSystem, folder: str) -> list[str]:
    """The files with rows in a folder and below, as datasets are published, by path."""
    found = filesystem.get_file_info(FileSelector(folder, recursive=True))
    files = (info.path for info in found if info.type is FileType.File)
    return sorted(path for path in files if suffix_of(path) in _ROWS)
