"""Write a small corpus of invented services, which `service.schema.json` describes.

    python examples/services.py OUT [--count 200] [--seed 0]

The files go to `OUT/<owner>__<name>/service.yml`.  The same seed gives the same bytes.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

TEAMS = ["billing", "search", "maps", "mail", "media", "login", "reports", "stock"]
PARTS = ["api", "worker", "web", "cache", "import", "export", "proxy", "index"]
IMAGES = ["python:3.13", "node:22", "nginx:1.27", "redis:7", "postgres:17"]
PORTS = {"nginx": 80, "redis": 6379, "postgres": 5432}


def lines(draw: random.Random, name: str) -> Iterator[str]:
    """The lines of one service."""
    image = draw.choice(IMAGES)
    base = image.partition(":")[0]
    size = draw.choices(["small", "medium", "large"], [6, 3, 1])[0]
    yield f"name: {name}"
    yield f"image: {image}"
    yield f"size: {size}"
    if draw.random() < 0.6:
        yield f"replicas: {draw.randint(1, 4)}"
    if base in PORTS or draw.random() < 0.5:
        yield f"public: {str(base == 'nginx').lower()}"
        yield "ports:"
        yield f"- port: {PORTS.get(base, 8080)}"
        if draw.random() < 0.3:
            yield "  protocol: tcp"
    else:
        yield f"'on': {draw.choice(['demand', 'schedule'])}"
    if draw.random() < 0.5:
        yield "env:"
        yield f"  LOG_LEVEL: {draw.choice(['debug', 'info', 'warning'])}"
        yield f"  DATABASE_URL: postgres://{name.partition('-')[0]}-db/main"


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.out.exists():
        sys.exit(f"{options.out}: exists already; give another folder")
    for number in range(options.count):
        draw = random.Random(f"{options.seed} {number}")
        team = draw.choice(TEAMS)
        name = f"{team}-{draw.choice(PARTS)}"
        folder = options.out / f"{team}__{name}-{number}"
        folder.mkdir(parents=True)
        (folder / "service.yml").write_text("\n".join(lines(draw, name)) + "\n")


if __name__ == "__main__":
    main()
