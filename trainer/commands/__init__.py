"""The commands of this room, one per file."""
