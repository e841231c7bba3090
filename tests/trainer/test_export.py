"""An export: the same model for transformers and for tct, whole, and without code."""

import json
import os
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from torch import Tensor

from tct.cli import main
from tct.data.errors import CheckpointError, ConfigError, CorruptError, FormatError
from tct.data.files import sha256_file
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.tests.records import amend, sign
from tct.trainer.export.export import export
from tct.trainer.export.load import load_exported, load_trained
from tct.trainer.export.model_card import EVALUATION_VERSION
from tct.trainer.presets import PRESETS, preset
from tct.trainer.runs.checkpoint import (
    find_checkpoints,
    load_model,
    pick_checkpoint,
    save_checkpoint,
)
from tct.trainer.runs.state import Best, Validation
from tct.trainer.training.loop import train

ROOT = Path(__file__).parents[2]
SMALL = ["model.width=32", "model.layers=2", "model.heads=2", "model.context=128"]
SMALL += ["model.softcap=7.5", "model.rope_base=500", "run.steps=2", "batch_size=4"]


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose checkpoints are step 2, and step 3 with random weights, the best."""
    folder = tmp_path_factory.mktemp("export") / "run"
    train(store, folder, preset("tiny", SMALL), device="cpu")
    model, _, state = load_model(folder)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) / 4)
    figures = Validation(nats=200.0, tokens=100, documents=5, canonical_bytes=400)
    state = replace(state, step=3, validation=figures, best=Best(step=3, loss=2.0))
    save_checkpoint(folder, state, model, [])
    return folder


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of `run`; do not change it."""
    return export(run, tmp_path_factory.mktemp("exports") / "my-model").folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export that a test may damage."""
    return shutil.copytree(exported, tmp_path / "copy")


@pytest.fixture(scope="module")
def windows(store: Store) -> Tensor:
    """(2, 128) inputs: a position token, then content, of one document."""
    row = int(store.length.argmax())
    tokens = torch.tensor(store.tokens(row).astype(int))
    starts = (0, 96)
    return torch.stack(
        [
            torch.cat((torch.tensor([start // 32]), tokens[start : start + 127]))
            for start in starts
        ]
    )


def tct(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# -- the same model --------------------------------------------------------------------


def nanochat_logits(folder: Path, ids: Tensor) -> Tensor:
    """What transformers' `nanochat` computes, written out; float64 (B, T, V)."""
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    weights = {name: tensor.double() for name, tensor in tensors.items()}
    heads, width = config["num_attention_heads"], config["hidden_size"]
    size, length = width // heads, ids.size(1)
    theta = config["rope_parameters"]["rope_theta"]
    rates = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates)
    cos, sin = (torch.cat((f(angles), f(angles)), -1) for f in (torch.cos, torch.sin))

    def norm(x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)

    def turn(x: Tensor) -> Tensor:
        left, right = x[..., : size // 2], x[..., size // 2 :]
        return norm(x * cos + torch.cat((right, -left), -1) * sin)

    def split(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], heads, size).transpose(1, 2)

    eps = config["rms_norm_eps"]
    later = torch.ones(length, length).triu(1).bool()
    x = norm(weights["model.embed_tokens.weight"][ids])
    for layer in range(config["num_hidden_layers"]):
        part = f"model.layers.{layer}."
        q, k, v = (
            split(norm(x) @ weights[f"{part}self_attn.{name}_proj.weight"].T)
            for name in "qkv"
        )
        scores = turn(q) @ turn(k).mT / size**0.5
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        mixed = mixed.transpose(1, 2).flatten(2)
        x = x + mixed @ weights[f"{part}self_attn.o_proj.weight"].T
        inner = F.relu(norm(x) @ weights[f"{part}mlp.fc1.weight"].T).square()
        x = x + inner @ weights[f"{part}mlp.fc2.weight"].T
    cap = config["final_logit_softcapping"]
    logits: Tensor = cap * torch.tanh(norm(x) @ weights["lm_head.weight"].T / cap)
    return logits


def our_logits(run: Path, ids: Tensor) -> Tensor:
    model, _, _ = load_model(run)
    with torch.inference_mode():
        logits: Tensor = model(ids)
    # Large enough for a difference to be seen.
    assert logits.std() > 1
    assert not torch.allclose(logits[0], logits[1], atol=0.1)
    return logits


def test_the_exported_numbers_give_the_runs_logits_by_nanochats_formulas(
    run: Path, exported: Path, windows: Tensor
) -> None:
    expected = our_logits(run, windows)
    found = nanochat_logits(exported, windows).float()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_transformers_loads_it_without_custom_code_and_gives_the_runs_logits(
    run: Path, exported: Path, windows: Tensor
) -> None:
    transformers = pytest.importorskip(
        "transformers", reason="the extra `hf` is not installed"
    )
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        exported, output_loading_info=True
    )
    assert type(model).__module__.startswith("transformers.models.nanochat.")
    for kind, names in loading.items():
        assert not names, kind
    with torch.inference_mode():
        found = model(windows).logits
    torch.testing.assert_close(found, our_logits(run, windows), atol=1e-4, rtol=0)


def test_the_example_of_the_card_writes_a_workflow_with_transformers(
    exported: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    monkeypatch.chdir(exported.parent)
    card = (exported / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", card, re.S)
    names: dict[str, Any] = {}
    exec(example, names)

    written = names["workflow"]
    assert store.tokenizer.is_on_schema(store.tokenizer.encode(written))
    assert len(names["ids"]) > 20


def test_an_export_writes_what_its_run_writes(run: Path, exported: Path) -> None:
    options = ["-n", "2", "--max-tokens", "60", "--format", "json", "--device", "cpu"]
    ours, theirs = (tct("generate", folder, *options) for folder in (run, exported))
    assert ours.exit_code == theirs.exit_code == 0
    assert ours.stdout == theirs.stdout
    assert len(ours.stdout.splitlines()) == 2


def test_what_is_loaded_is_what_was_trained(run: Path, exported: Path) -> None:
    model, tokenizer = load_exported(exported)
    original, config, state = load_model(run)
    assert model.config == config.model
    assert not model.training
    assert tokenizer.digest == state.tokenizer_digest
    tensors = original.state_dict()
    assert model.state_dict().keys() == tensors.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, tensors[name]), name


def test_a_run_a_checkpoint_and_an_export_load_alike(
    run: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = run / "checkpoints/step-000003"
    loaded = [load_trained(folder) for folder in (run, newest, exported)]
    assert [step for _, _, step in loaded] == [3, 3, 3]
    weights = [model.lm_head.weight for model, _, _ in loaded]
    assert all(torch.equal(weights[0], weight) for weight in weights[1:])
    older = load_trained(run / "checkpoints/step-000002")[0].lm_head.weight
    assert not torch.equal(weights[0], older)
    monkeypatch.chdir(newest)
    assert torch.equal(weights[0], load_trained(Path())[0].lm_head.weight)


# -- half precision, and the model in the package --------------------------------------


def test_half_the_bytes_hold_the_same_model_rounded(
    run: Path, exported: Path, tmp_path: Path
) -> None:
    done = tct("export", run, "-o", tmp_path / "half", "--half")

    assert done.exit_code == 0, done.stderr
    whole, half = (
        (folder / "model.safetensors").stat().st_size
        for folder in (exported, tmp_path / "half")
    )
    assert half / whole == pytest.approx(0.5, rel=0.01)
    stored = load_file(tmp_path / "half/model.safetensors").values()
    assert {tensor.dtype for tensor in stored} == {torch.float16}
    model, _ = load_exported(tmp_path / "half")
    original = load_exported(exported)[0].state_dict()
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, original[name].half().float()), name


def test_the_model_in_the_package_writes_without_a_run(tmp_path: Path) -> None:
    done = tct("generate", "-n", "2", "--temperature", "0.7", "--device", "cpu")

    assert done.exit_code == 0, done.stderr
    first, last = done.stderr.splitlines()
    assert first.startswith("no RUN given: using tiny-invented, a small model that")
    assert last.startswith("2 samples")
    for text in done.stdout.split("---\n"):
        value = yaml.safe_load(text)
        assert "jobs" in value
    # Nobody is served what is not theirs: a wrong path is an error, as before.
    assert tct("generate", tmp_path / "none").exit_code == 1


def test_the_model_in_the_package_is_small_and_whole() -> None:
    folder = ROOT / "trainer/export/tiny-invented"
    assert names(folder) == FILES
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 6e6
    model, tokenizer = load_exported(folder)
    assert model.config == PRESETS["tiny-fast"].model
    assert tokenizer.digest == Tokenizer.default().digest
    card = (folder / "README.md").read_text()
    assert "`examples/compose.py` of tct invented them" in card
    assert "license: apache-2.0" in card
    assert "the workflows of others" not in card


# -- which checkpoint ------------------------------------------------------------------


def test_the_best_checkpoint_is_taken_unless_the_newest_is_asked_for(
    run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    model, _, state = load_model(folder)
    worse = replace(state, step=9, validation=None)
    newest = save_checkpoint(folder, worse, model, [])
    best = folder / "checkpoints/step-000003"

    assert pick_checkpoint(folder, "best") == best
    assert pick_checkpoint(folder, "newest") == newest
    assert pick_checkpoint(newest, "best") == newest
    assert load_trained(folder)[2] == 3
    done = export(folder, tmp_path / "out")
    assert (done.checkpoint, done.state.step) == (best, 3)
    assert json.loads((tmp_path / "out/tct.json").read_text())["step"] == 3

    shutil.rmtree(best)  # as in a run that branched off after its best step
    assert pick_checkpoint(folder, "best") == newest


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="found no complete checkpoint"):
        export(tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_away_from_its_run_is_refused(run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "a/b/step"
    shutil.copytree(run / "checkpoints/step-000003", alone)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: missing, and step"):
        export(alone, tmp_path / "out")


# -- the folder ------------------------------------------------------------------------

FILES = ["README.md", "config.json", "model.safetensors", "tct.json", "tokenizer.json"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_that_holds_something_is_refused_unless_forced(
    run: Path, tmp_path: Path
) -> None:
    target = tmp_path / "clone"
    target.mkdir()
    export(run, target)  # an empty one is as good as none
    assert names(target) == FILES

    (target / "README.md").write_text("mine")
    (target / ".gitattributes").write_text("*.safetensors filter=lfs")
    with pytest.raises(ConfigError, match=r"already holds '\.gitattributes'"):
        export(run, target)
    assert (target / "README.md").read_text() == "mine"

    export(run, target, force=True)
    assert names(target) == [".gitattributes", *FILES]
    assert (target / ".gitattributes").read_text() == "*.safetensors filter=lfs"
    assert (target / "README.md").read_text() != "mine"
    load_exported(target)
    assert names(tmp_path) == ["clone"]


def test_a_run_a_checkpoint_a_store_and_a_file_are_never_written_over(
    run: Path, store_folder: Path, tmp_path: Path
) -> None:
    before = sha256_file(run / "config.json")
    for target, problem in (
        (run, "is a run"),
        (run / "checkpoints/step-000003", "is a checkpoint"),
        (store_folder, "is a store"),
        (run / "config.json", "is a file"),
    ):
        with pytest.raises(ConfigError, match=problem):
            export(run, target, force=True)
    assert sha256_file(run / "config.json") == before


@pytest.mark.parametrize("exists", [False, True])
def test_an_export_that_breaks_off_is_not_there(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    target = tmp_path / "out"
    if exists:
        export(run, target)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(sys.modules[export.__module__], "_manifest", fail)
    with pytest.raises(OSError, match="No space left"):
        export(run, target, force=True)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_an_export_that_was_half_replaced_is_refused(
    run: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target == copy / "tokenizer.json":
            raise OSError(5, "Input/output error", str(target))
        return replace_file(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        export(run, copy, force=True)
    with pytest.raises(FormatError, match=r"found no tct\.json"):
        load_exported(copy)


def test_nothing_in_it_says_where_it_was_made(exported: Path, run: Path) -> None:
    for path in exported.iterdir():
        assert os.fsencode(run.parent) not in path.read_bytes(), path


# -- damaged, and hostile --------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_missing_or_altered_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(CorruptError, match=rf"copy/{name}: found sha256 \w+…, tct"):
        load_exported(copy)
    (copy / name).unlink()
    with pytest.raises(CorruptError, match=rf"copy/{name}: missing"):
        load_exported(copy)


def forge(folder: Path, name: str, change: Callable[[Path], object]) -> None:
    """Change a file, and let the manifest vouch for it."""
    change(folder / name)
    path = folder / "tct.json"
    files = json.loads(path.read_text())["files"]
    amend(path, files=files | {name: sha256_file(folder / name)})


def amended(**values: object) -> Callable[[Path], object]:
    return lambda path: amend(path, **values)


def changed(**values: object) -> Callable[[Path], object]:
    def change(path: Path) -> object:
        return path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("config.json", changed(num_hidden_layers=1), "not those of its config"),
        ("config.json", changed(hidden_size=64), "intermediate_size 128 instead"),
        ("config.json", changed(dtype="bfloat16"), "dtype 'bfloat16' instead of one"),
        ("config.json", changed(dtype="float16"), "is torch.float32, expected torch"),
        ("config.json", changed(hidden_act="gelu"), "hidden_act 'gelu' instead"),
        ("config.json", changed(hidden_size=[]), "does not describe a tct model"),
        ("config.json", changed(rope_parameters=None), "does not describe a tct model"),
        ("config.json", changed(num_attention_heads=0), r"model\.heads: found 0"),
        ("config.json", lambda path: path.write_text("[]"), "found a JSON list"),
        (
            "model.safetensors",
            lambda p: p.write_bytes(b"{}"),
            "found 2 bytes",
        ),
        (
            "model.safetensors",
            lambda path: save_file({"lm_head.weight": torch.zeros(2)}, path),
            "bytes, expected 548,928",
        ),
        ("tokenizer.json", lambda path: path.write_text("{}"), "expected 'tct-token"),
        ("tct.json", amended(version=3), "found export version 3, expected 2"),
        ("tct.json", amended(format="tct-store"), "expected 'tct-export'"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    copy: Path, name: str, change: Callable[[Path], object], problem: str
) -> None:
    forge(copy, name, change) if name != "tct.json" else change(copy / name)
    with pytest.raises(FormatError, match=problem):
        load_exported(copy)


@pytest.mark.parametrize("files", [None, [], {}, {"config.json": None}])
def test_a_manifest_that_vouches_for_nothing_is_refused(
    copy: Path, files: object
) -> None:
    amend(copy / "tct.json", files=files)
    with pytest.raises(FormatError, match=r"tct\.json( records None|: export\.files)"):
        load_exported(copy)


class Bomb:
    """Leaves a file where a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_no_code_of_the_folder_is_run(copy: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for name in ("pytorch_model.bin", "optimizer.pt", "model.pkl"):
        (copy / name).write_bytes(pickle.dumps(Bomb(touched)))
    for name in ("modeling_nanochat.py", "tokenizer.py", "conftest.py"):
        (copy / name).write_text(f"open({str(touched)!r}, 'w')\n")

    assert tct("generate", copy, "--max-tokens", "30").exit_code == 0
    assert not touched.exists()
    forge(copy, "model.safetensors", lambda p: p.write_bytes(pickle.dumps(Bomb(p))))
    with pytest.raises(CorruptError):
        load_exported(copy)
    assert not touched.exists()


# -- the card --------------------------------------------------------------------------


def front_matter(folder: Path) -> dict[str, Any]:
    _, head, _ = (folder / "README.md").read_text().split("---\n", 2)
    return dict(yaml.safe_load(head))


def test_the_card_says_what_the_run_knows(exported: Path, store: Store) -> None:
    assert front_matter(exported) == {
        "license": "other",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["tct", "nanochat", "github-actions", "constrained-decoding"],
    }
    card = (exported / "README.md").read_text()
    documents = len(store.rows("train"))
    groups = len({store.docs["group"][int(row)] for row in store.rows("train")})
    for fact in (
        "# my-model\n",
        store.digest,
        store.manifest["key_inputs"]["input_sha256"],
        f"| training | {documents:,} documents of {groups:,} groups, ",
        "seed 0, 10 % of them for validation",
        "| steps | 3 of 2 |",
        "2 layers, 32 wide, 2 heads, 8,193 ids, context 128",
        "| validation loss | 2.0000 nats per token |",
        "| bits per byte of canonical JSON | 0.7213 |",
    ):
        assert fact in card


def test_the_card_of_an_older_run_leaves_out_what_it_does_not_know(
    run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(folder / "checkpoints/step-000003")
    path = folder / "config.json"
    described = json.loads(path.read_text())
    described["store"] = {"name": "old", "digest": "abc"}
    sign(path, described)
    model, _, state = load_model(folder)
    save_checkpoint(folder, replace(state, step=5, validation=None), model, [])
    export(folder, tmp_path / "out", which="newest")

    card = (tmp_path / "out/README.md").read_text()
    assert "| store | `old`, sha256 `abc` |" in card
    assert "| split |" not in card
    assert "These weights were not evaluated." in card


def evaluation(step: int, low: float | None = 0.7) -> dict[str, Any]:
    """What `tct eval` writes, as far as the card reads it."""

    def column(name: str, passed: list[int] | None, documents: list[int]) -> object:
        stages = [
            {"name": "finished", "passed": [10, 5]},
            {"name": "actionlint", "passed": passed},
        ]
        return {"name": name, "funnel": {"documents": documents, "stages": stages}}

    return {
        "format": "tct-evaluation",
        "version": EVALUATION_VERSION,
        "step": step,
        "likelihood": {"bits_per_byte": {"value": 0.75, "low": low, "high": 0.8}},
        "columns": [
            column("held-out", None, [10, 10]),
            column("free, T 1", [3, 2], [10, 10]),
        ],
    }


def test_the_card_has_the_funnels_of_this_checkpoints_evaluation(
    run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / "eval").mkdir()

    def card_with(values: dict[str, Any]) -> str:
        sign(folder / "eval/eval.json", values)
        export(folder, tmp_path / "out", force=True)
        return (tmp_path / "out/README.md").read_text()

    card = card_with(evaluation(step=3))
    assert "documents: 0.7500 (95 % interval over groups 0.7000 to 0.8000)." in card
    table = (
        "|  | held-out | free, T 1 |\n"
        "| --- | --- | --- |\n"
        "| documents | 20 | 20 |\n"
        "| finished | 75.0% | 75.0% |\n"
        "| actionlint | not judged | 25.0% |\n"
    )
    assert table in card
    assert "documents: 0.7500.\n" in card_with(evaluation(step=3, low=None))
    assert "held-out" not in card_with(evaluation(step=2))
    with pytest.raises(FormatError, match=r"eval\.json: a field is missing"):
        card_with({**evaluation(step=3), "columns": []})
    with pytest.raises(FormatError, match="found evaluation version 0, expected"):
        card_with({**evaluation(step=3), "version": 0})


def test_a_license_is_an_identifier(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "out", license_id="apache-2.0")
    assert front_matter(tmp_path / "out")["license"] == "apache-2.0"
    with pytest.raises(ConfigError, match=r"license: found 'MIT\\ntags: x'"):
        export(run, tmp_path / "other", license_id="MIT\ntags: x")


# -- the command -----------------------------------------------------------------------


def test_the_command_says_what_it_wrote_and_what_is_next(
    run: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    done = tct("export", run, "-o", target)

    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == str(target)
    assert lines[-1] == f"next: tct generate {target}"
    found = dict(re.findall(r"^(\S.*?)  +(\S.*?) *$", done.stdout, re.M))
    assert found["bits per byte"] == "0.7213"
    assert names(target) == FILES

    again = tct("export", run, "-o", target)
    assert again.exit_code == 1
    assert "already holds 'README.md', expected a new or empty folder" in again.stderr


def test_generate_names_what_is_wrong_with_an_export(copy: Path) -> None:
    os.truncate(copy / "model.safetensors", 100)
    done = tct("generate", copy)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {copy / 'model.safetensors'}: found sha256")
    assert len(done.stderr.splitlines()) == 1


def test_every_checkpoint_of_the_run_is_as_it_was(run: Path, exported: Path) -> None:
    assert list(find_checkpoints(run)) == [2, 3]
    load_trained(run)
