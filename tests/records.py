"""Records whose sha256 fits, though a test wrote what is in them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tct.data.files import canonical_json, read_json, write_json
from tct.data.records import signed

__all__ = ["amend", "redigest_tokenizer", "sign"]


def sign(path: Path, record: dict[str, Any]) -> None:
    """Write a record with the sha256 of its content."""
    write_json(path, signed({k: v for k, v in record.items() if k != "sha256"}))


def amend(path: Path, **values: Any) -> None:
    """Change some fields of a record."""
    sign(path, read_json(path) | values)


def redigest_tokenizer(path: Path) -> str:
    """Let a tokenizer.json record the digest that it has; returns it."""
    content = json.loads(path.read_bytes())
    content.pop("digest", None)
    digest = hashlib.sha256(canonical_json(content)).hexdigest()
    path.write_text(json.dumps({**content, "digest": digest}))
    return digest
