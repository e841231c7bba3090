"""Where tct keeps what it can make or fetch again."""

import os
from pathlib import Path

from .errors import ConfigError

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/tct`, or `~/.cache/tct`; it may not exist yet.

    Raises:
        ConfigError: this user has no home, as in some containers.
    """
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise ConfigError(
            "found no home folder, expected one for the cache",
            "set XDG_CACHE_HOME to a folder",
        ) from error
    return Path(home) / "tct"
