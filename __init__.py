"""tct: train small language models that write GitHub Actions workflows."""

__version__ = "0.2.0"
