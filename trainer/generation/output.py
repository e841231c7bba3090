"""Samples as text: all together, one file each, or while they grow."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from ...data.documents.json_text import canonical_bytes
from ...data.documents.yaml_stream import GrowingYaml
from ...data.documents.yaml_writer import to_yaml
from ...data.files import write_atomic
from ...data.kinds import WORKFLOW, Kind
from ...data.tokenizer import Tokenizer
from .samplers import Ending, Sample, Writer
from .sampling import Sampling

__all__ = ["render", "save", "show", "show_growing"]

Write = Callable[[bytes], object]
"""Takes the next bytes of an output."""

_SUFFIXES = {"yaml": ".yml", "json": ".json", "tokens": ".txt", "jsonl": ".jsonl"}
_SEPARATOR = b"---\n"


def render(
    sample: Sample, style: str, sampling: Sampling, kind: Kind = WORKFLOW
) -> bytes:
    """Format a sample; the text ends in a newline.

    Args:
        sample: any for "tokens" and "jsonl", a whole one for "yaml" and "json".
        style: one of these.
        sampling: the settings that it was drawn with.
        kind: of the document.
    """
    match style:
        case "tokens":
            return " ".join(map(str, sample.tokens)).encode() + b"\n"
        case "jsonl":
            record = {
                "number": sample.number,
                **asdict(sampling),
                "ending": sample.ending,
                "num_tokens": len(sample.tokens),
                "log_prob": round(sample.log_prob, 6),
            }
            head = json.dumps(record).encode().removesuffix(b"}")
            name = f', "{kind.one}": '.encode()
            return head + name + canonical_bytes(sample.value) + b"}\n"
        case "json":
            return canonical_bytes(sample.value) + b"\n"
        case _:
            return to_yaml(sample.value, bare_keys=kind.bare_keys).encode()


def show(
    samples: Iterable[Sample],
    style: str,
    sampling: Sampling,
    write: Write,
    kind: Kind = WORKFLOW,
) -> Counter[Ending]:
    """Write samples one after the other; returns the number of each ending.

    As YAML or JSON, samples that are not whole are left out.
    """
    endings = Counter[Ending]()
    separator = b""
    for sample in samples:
        endings[sample.ending] += 1
        if _has_text(sample, style):
            write(separator + render(sample, style, sampling, kind))
            separator = _SEPARATOR if style == "yaml" else b""
    return endings


def save(
    samples: Iterable[Sample],
    style: str,
    sampling: Sampling,
    folder: Path,
    kind: Kind = WORKFLOW,
) -> Counter[Ending]:
    """Write one file per sample, named by its number: `00012.yml`.

    Returns the number of each ending.  As YAML or JSON, samples that are not whole are
    left out.
    """
    endings = Counter[Ending]()
    for sample in samples:
        endings[sample.ending] += 1
        if _has_text(sample, style):
            path = folder / f"{sample.number:05d}{_SUFFIXES[style]}"
            _write_file(path, render(sample, style, sampling, kind))
    return endings


def _write_file(path: Path, text: bytes) -> None:
    write_atomic(path, lambda file: file.write(text))


def _has_text(sample: Sample, style: str) -> bool:
    return sample.is_whole or style in ("tokens", "jsonl")


def show_growing(
    streams: Iterable[Iterator[Writer]], tokenizer: Tokenizer, write: Write
) -> Counter[Ending]:
    """Write the YAML of samples as it grows; returns the number of each ending."""
    endings = Counter[Ending]()
    for number, stream in enumerate(streams):
        if number:
            write(_SEPARATOR)
        yaml = GrowingYaml(tokenizer.decoder(), tokenizer.kind.bare_keys)
        size = 0
        for writer in stream:
            if writer.is_done:
                break
            write(yaml.feed(writer.tokens[size:]).encode())
            size = len(writer.tokens)
        sample = writer.sample()
        if sample.is_whole:
            write(yaml.feed(sample.tokens[size:]).encode())
        endings[sample.ending] += 1
    return endings
