"""Samples as text: on the screen, in files, or while they grow."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from ...data.documents.json_text import canonical_bytes
from ...data.documents.yaml_stream import GrowingYaml
from ...data.documents.yaml_writer import to_yaml
from ...data.files import write_atomic
from ...data.tokenizer import Tokenizer
from .samplers import Ending, Sample, Writer
from .sampling import Sampling

__all__ = ["render", "save", "show", "show_growing"]

_SUFFIXES = {"yaml": ".yml", "json": ".json", "tokens": ".txt", "jsonl": ".jsonl"}
_SEPARATOR = b"---\n"


def render(sample: Sample, style: str, sampling: Sampling) -> bytes:
    """A sample as text that ends in a newline.

    Args:
        sample: anything for "tokens" and "jsonl", a whole one for "yaml" and "json".
        style: one of these.
        sampling: how it was drawn.
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
            return head + b', "workflow": ' + canonical_bytes(sample.value) + b"}\n"
        case "json":
            return canonical_bytes(sample.value) + b"\n"
        case _:
            return to_yaml(sample.value).encode()


def show(samples: Iterable[Sample], style: str, sampling: Sampling) -> Counter[Ending]:
    """Write samples to stdout; returns how they ended.  No document has no text."""
    endings = Counter[Ending]()
    separator = b""
    for sample in samples:
        endings[sample.ending] += 1
        if _has_text(sample, style):
            text = render(sample, style, sampling)
            click.echo(separator + text, nl=False)
            separator = _SEPARATOR if style == "yaml" else b""
    return endings


def save(
    samples: Iterable[Sample], style: str, sampling: Sampling, folder: Path
) -> Counter[Ending]:
    """Write a file for each, `00012.yml` for number 12; returns how they ended."""
    endings = Counter[Ending]()
    for sample in samples:
        endings[sample.ending] += 1
        if _has_text(sample, style):
            path = folder / f"{sample.number:05d}{_SUFFIXES[style]}"
            _write(path, render(sample, style, sampling))
    return endings


def _write(path: Path, text: bytes) -> None:
    write_atomic(path, lambda file: file.write(text))


def _has_text(sample: Sample, style: str) -> bool:
    return sample.is_whole or style in ("tokens", "jsonl")


def show_growing(
    streams: Iterable[Iterator[Writer]], tokenizer: Tokenizer
) -> Counter[Ending]:
    """Write the YAML of samples to stdout line by line; returns how they ended."""
    endings = Counter[Ending]()
    for number, stream in enumerate(streams):
        if number:
            click.echo(_SEPARATOR, nl=False)
        yaml, size = GrowingYaml(tokenizer.decoder()), 0
        for writer in stream:
            if writer.is_done:
                break
            click.echo(yaml.feed(writer.tokens[size:]).encode(), nl=False)
            size = len(writer.tokens)
        sample = writer.sample()
        if sample.is_whole:
            click.echo(yaml.feed(sample.tokens[size:]).encode(), nl=False)
        endings[sample.ending] += 1
    return endings
