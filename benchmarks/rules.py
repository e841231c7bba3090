"""Measure what GitHub's rules change: which samples pass, how many end, how fast.

The same model writes with both settings of `--rules`; schema, GitHub's parser and
actionlint judge every sample.  Seconds are CPU time of one thread, without judging.
"""

import re
import time
from collections import Counter
from pathlib import Path

import click
import torch

from tct import __version__
from tct.data.tokenizer import Rules
from tct.trainer.evaluation.documents import written
from tct.trainer.evaluation.funnel import judge_all
from tct.trainer.evaluation.judges import schema_judge
from tct.trainer.evaluation.programs import node_judges
from tct.trainer.generation import Generator, Sampling

_SHIPPED = Path(__file__).parents[1] / "trainer" / "export" / "tiny-invented"
_SETTINGS: tuple[Rules, ...] = ("schema", "github")


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default=_SHIPPED)
@click.option("--judges", type=click.Path(path_type=Path), default=".judges")
@click.option("-n", "--num-samples", "count", default=100)
@click.option("--temperature", default=0.7)
@click.option("--top-p", default=0.9)
@click.option("--max-tokens", default=1024)
def main(
    model: Path,
    judges: Path,
    count: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
) -> None:
    """Print a table in Markdown, then the most frequent complaints."""
    torch.set_num_threads(1)
    everyone = [schema_judge(), *node_judges(judges)]
    names = [judge.name for judge in everyone]
    print(
        f"# Rules\n\ntct {__version__}: {count} samples of {model.name}, temperature "
        f"{temperature}, top-p {top_p}, at most {max_tokens} tokens\n"
    )
    print(f"| rules | closed by the model | {' | '.join(names)} | tokens/s |")
    print("|---|---|" + "---|" * len(names) + "---|")
    complaints = {}
    for rules in _SETTINGS:
        generator = Generator.load(model, device="cpu", rules=rules)
        sampling = Sampling(
            seed=3, temperature=temperature, top_p=top_p, max_tokens=max_tokens
        )
        begun = time.process_time()
        samples = list(generator.samples(count, sampling))
        seconds = time.process_time() - begun
        documents = [written(s.value, s.ending, generator.tokenizer) for s in samples]
        judged = judge_all(documents, everyone)
        passed = [sum(not one.complaints[name] for one in judged) for name in names]
        closed = sum(sample.ending == "finished" for sample in samples)
        speed = sum(len(sample.tokens) for sample in samples) / seconds
        cells = " | ".join(map(str, (closed, *passed)))
        print(f"| {rules} | {cells} | {speed:,.0f} |", flush=True)
        complaints[rules] = Counter(
            f"{name}: {kind}"
            for one in judged
            for name in names
            for kind in {_kind(text) for text in one.complaints[name]}
        )
    for rules, counts in complaints.items():
        print(f"\n{rules}:\n")
        for kind, number in counts.most_common(8):
            print(f"- {number} x {kind}")


def _kind(complaint: str) -> str:
    """A complaint without its particulars."""
    return re.sub(r"\"[^\"]*\"|'[^']*'|\d+", "…", complaint.splitlines()[0])[:110]


if __name__ == "__main__":
    main()
