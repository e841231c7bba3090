"""The options of a selection."""

from dataclasses import dataclass

__all__ = ["Rules"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Which inputs are parsed, which documents are kept, and the split of each."""

    split_seed: int = 0
    max_per_path: int | None = None
    """Parse this many of the newest versions of a file; None parses all."""
    max_per_group: int | None = None
    """Parse this many texts of a group, those with the smallest sha256.

    That is a random draw, and the same one every time."""
    near_duplicates: bool = False
    """Keep training documents out that are near a validation document."""
    valid_only: bool = False
    """Keep only documents in which `tct check` finds nothing."""

    @property
    def has_limits(self) -> bool:
        """Whether some inputs need not be parsed."""
        return self.max_per_path is not None or self.max_per_group is not None
