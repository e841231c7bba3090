"""The trainer's commands, one per file."""
