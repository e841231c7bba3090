"""Archives: the workflows in a .zip or a .tar, read as a stream.

    members.py   the workflows among the members, each a record
    zip.py       the members of a .zip
    tar.py       the members of a .tar

Nothing is unpacked to disk; sizes and counts are bounded before they are believed.
"""

from .members import MAX_MEMBERS, read_archive
from .tar import tar_members
from .zip import zip_members

__all__ = ["MAX_MEMBERS", "read_archive", "tar_members", "zip_members"]
