"""The pipeline that one would write instead of `tct prepare`.

    simple_pipeline.py CORPUS FOLDER BPE WORKERS    prepare a corpus
    simple_pipeline.py CORPUS BPE                   learn the tokenizer

PyYAML's CSafeLoader, json.dumps, byte-level BPE of 8,192 by Hugging Face's tokenizers,
np.save.  It checks nothing, keeps nothing when it is killed and reads YAML 1.1.
"""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml


def learn_bpe(corpus: str, path: str) -> None:
    """Train byte-level BPE as its documentation shows, on every eighth document."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=8192, initial_alphabet=alphabet)
    bpe.train_from_iterator(_dumped(corpus), trainer)
    bpe.save(path)


def _dumped(corpus: str) -> Iterator[str]:
    for batch in pq.ParquetFile(corpus).iter_batches(512, columns=["text"]):
        yield from _json_texts(batch.column(0).to_pylist()[::8])


def _json_texts(texts: list[str]) -> list[str]:
    dumped = []
    for text in texts:
        try:
            value = yaml.load(text, Loader=yaml.CSafeLoader)
            dumped.append(json.dumps(value, default=str))
        except (yaml.YAMLError, ValueError, TypeError):
            continue
    return dumped


@cache
def _bpe(path: str) -> Any:
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # processes are what is compared
    return Tokenizer.from_file(path)


def _part(path: str, texts: list[str], out: str) -> None:
    encoded = _bpe(path).encode_batch_fast(_json_texts(texts))
    ids = [np.array(one.ids, dtype=np.uint16) for one in encoded]
    np.save(out, np.concatenate([np.empty(0, np.uint16), *ids]))


def prepare(corpus: str, folder: Path, bpe: str, workers: int) -> None:
    """Tokenize a corpus into one file."""
    folder.mkdir()
    with ProcessPoolExecutor(workers) as pool:
        futures = []
        batches = pq.ParquetFile(corpus).iter_batches(512, columns=["text"])
        for number, batch in enumerate(batches):
            out, texts = str(folder / f"{number:05}.npy"), batch.column(0).to_pylist()
            futures.append(pool.submit(_part, bpe, texts, out))
        for future in futures:
            future.result()
    parts = [np.load(path) for path in sorted(folder.glob("*.npy"))]
    np.save(folder / "tokens.npy", np.concatenate(parts))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        learn_bpe(*sys.argv[1:])
    else:
        corpus, folder, bpe, workers = sys.argv[1:]
        prepare(corpus, Path(folder), bpe, int(workers))
