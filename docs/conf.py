"""Sphinx: `make docs` builds the site into build/docs.

The source folder is the repository's root, so that README, benchmarks and docs can
link to each other by the relative paths that also work where the files are browsed.
"""

import tomllib
from pathlib import Path

_project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())

project = "tct"
copyright = "the authors of tct, Apache-2.0"
version = release = _project["project"]["version"]

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/**.md",
    "docs/**.md",
    "examples/README.md",
]
exclude_patterns = [".*", "build", "dist", "data", "pipeline", "tests", "trainer"]
highlight_language = "text"

myst_heading_anchors = 4  # `page.md#a-heading` works as it does on GitHub

html_theme = "furo"
html_title = f"tct {version}"
html_extra_path = ["site"]  # index.html leads to docs/index.html
html_copy_source = False
