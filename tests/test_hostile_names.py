"""One hostile name through every command: no screen, page or figure obeys it.

The name stands wherever a user or an input can put one: folders of stores and runs,
files, members of archives, groups, paths, keys, values, options.
"""

import io
import json
import os
import re
import shutil
import unicodedata
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from rich.table import Table
from rich.text import Text

from tct.cli import main
from tct.data.display.screen import Screen
from tct.data.display.visible import to_html, visible, visible_lines
from tct.data.errors import TctError
from tct.data.store import Store

# Clears the screen, colours, rings, hides, overwrites, turns round, ends a line early,
# is markup of rich and of HTML, a formula of Matplotlib, and no UTF-8.
CONTROLS = "\x1b[2J\x1b]0;owned\x07\x08\x7f\x9b31m\x85\r\n\u2028\u202e\u2066\u200b"
NAME = f"_{CONTROLS}[red]x[bold]:smile:<script>alert(1)<!--&\"'|$\\frac{{$"
FILE = f"{NAME}\udcff"  # no UTF-8
TEXT = f"{NAME}[/]</script>"  # what no file can be called
KEY = f"{TEXT}\ud800"
TINY = ["--preset", "tiny", "--steps", "2", "--batch-size", "4", "--device", "cpu"]
for setting in ("context=64", "width=32", "layers=1", "heads=2"):
    TINY += ["--set", f"model.{setting}"]


def harmful(text: str, *, allowed: str = "\n") -> list[str]:
    """Characters that a terminal would obey or that turn text round."""
    return sorted(
        {
            repr(c)
            for c in text
            if c not in allowed
            and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        }
    )


def tct(*arguments: object, code: int = 0) -> Result:
    """Run a command; what it says for people is text."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    # A bug would be an exception of another kind.
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    assert result.exit_code == code, result.output
    assert harmful(result.stderr) == []
    if code == 1:
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("Error: ")
    return result


def shown(*arguments: object, code: int = 0) -> str:
    """What a command says for people, on both streams, without its line breaks."""
    result = tct(*arguments, code=code)
    assert harmful(result.stdout) == []
    return re.sub(r"\n *", "", result.stdout + result.stderr)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.add(tag)

    def handle_comment(self, data: str) -> None:
        self.found.add("comment")


def check_page(path: Path) -> str:
    text = path.read_text()
    tags = _Tags()
    tags.feed(text)
    assert harmful(text) == []
    assert not tags.found & {"script", "comment", "red"}
    assert "alert(1)" not in text or "&lt;script&gt;alert(1)" in text
    return text


def check_svg(path: Path) -> str:
    text = path.read_text()
    ElementTree.fromstring(text)  # a control character is no XML
    assert harmful(text) == []
    assert "<script" not in text
    return text


@pytest.fixture(scope="module")
def source(workflows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of workflows of hostile repositories, good ones and bad ones."""
    folder = tmp_path_factory.mktemp("hostile") / FILE
    for number, path in enumerate(sorted(workflows.rglob("*.yml"))[:24]):
        group = folder / f"owner__{number % 12}{FILE}"
        group.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, group / f"{number}{FILE}.yml")
    hostile = {"name": TEXT, "on": "push", TEXT: 1, "env": {TEXT: TEXT}, "jobs": TEXT}
    (group / f"keys{FILE}.json").write_text(json.dumps(hostile))
    (group / f"twice{FILE}.json").write_text(
        f"{{{json.dumps(KEY)}: 1, {json.dumps(KEY)}: 2}}"
    )
    (group / f"broken{FILE}.yml").write_text("a: [\n")
    return folder


@pytest.fixture(scope="module")
def archive(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / f"{TEXT.replace('/', '')}.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number, text in enumerate(("name: a\non: push\n", "a: [\n")):
            file.writestr(f"owner__{number}{TEXT}/{number}{TEXT}.yml", text)
    return path


@pytest.fixture(scope="module")
def store(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / f"store{NAME}"
    page = folder.with_name(f"{NAME}.html")
    said = shown("prepare", source, "-o", folder, "--split-seed", 1, "--report", page)
    assert r"store_\x1b[2J" in said
    assert r"\u202e" in check_page(page)
    opened = Store.open(folder)
    assert min(len(opened.rows("train")), len(opened.rows("val"))) > 0
    return folder


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / f"run{NAME}"
    assert r"run_\x1b[2J" in shown("train", store, "-o", folder, *TINY)
    return folder


# -- making a store --------------------------------------------------------------------


def test_prepare(source: Path, store: Path, archive: Path, tmp_path: Path) -> None:
    assert "up to date" in shown("prepare", source, "-o", store, "--split-seed", 1)
    shown("prepare", source, "-o", store, code=1)  # another seed
    shown("prepare", tmp_path / FILE, "-o", tmp_path / "s", code=1)
    shown("prepare", archive, "-o", tmp_path / "s", "--report", tmp_path / "r.html")
    check_page(tmp_path / "r.html")
    for option in ("--tokenizer", "--where"):
        shown("prepare", archive, "-o", tmp_path / "t", option, NAME, code=1)


def test_rows(tmp_path: Path) -> None:
    rows = [
        {"text": f"name: n{number}\n", "repo": TEXT + str(number), "path": TEXT}
        for number in range(9)
    ] + [{"text": "a: [", "repo": KEY, "path": KEY}, {TEXT: 1}]
    path = tmp_path / f"{FILE}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    page = tmp_path / "r.html"
    store = tmp_path / f"store{FILE}"
    shown("prepare", path, "-o", store, "--report", page)
    check_page(page)
    for command in ("info", "verify", "export"):
        tct("store", command, store)
    assert r"\udcff" in shown("inspect-windows", store, "--doc", FILE, code=1)


def test_store_commands(store: Path, source: Path, tmp_path: Path) -> None:
    assert r"option " in shown("store", "info", store)
    assert r"store_\x1b[2J" in shown("store", "verify", store, "--decode")
    shown("store", "export", store, NAME, code=1)
    shown("store", "info", tmp_path / FILE, code=1)
    for line in tct("store", "export", store).stdout[:-1].split("\n"):
        json.loads(line)  # data: exact
    path = next(p for p in Store.open(store).docs["path"].to_pylist() if "keys" in p)
    yaml = tct("store", "export", store, path, "--format", "yaml").stdout
    assert harmful(yaml, allowed="\n\u202e\u2066\u200b\u2028") == []


MODES = [
    ("--epoch", "1"),
    ("--doc", "PATH"),
    ("--epochs", "0-3", "--doc", "PATH"),
    ("--step", "0"),
    ("--when", "PATH"),
    ("--prove", "--batch-size", "4"),
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode[0]))
def test_inspect_windows(store: Path, tmp_path: Path, mode: tuple[str, ...]) -> None:
    docs = Store.open(store).docs
    path = next(p for p in docs["path"].to_pylist() if "keys" in p)
    options = [path if option == "PATH" else option for option in mode]
    if "PATH" in mode:
        options += ["--split", docs["split"][docs["path"].index(path).as_py()].as_py()]
    shown("inspect-windows", store, *options)
    shown("inspect-windows", store, *options, "--json")
    if mode[0] in ("--step", "--when"):
        return
    for suffix, check in ((".svg", check_svg), (".html", check_page)):
        figure = tmp_path / f"{FILE}{suffix}"
        assert "written" in shown("inspect-windows", store, *options, "--plot", figure)
        check(figure)


def test_inspect_windows_says_what_is_wrong(store: Path, tmp_path: Path) -> None:
    shown("inspect-windows", store, "--doc", NAME, code=1)
    shown("inspect-windows", store, "--run", tmp_path / NAME, code=1)
    shown("inspect-windows", store, "--plot", tmp_path / f"a.{NAME}", code=1)
    shown("inspect-windows", store, "--epochs", NAME, code=2)


def test_tokenizers(source: Path, tmp_path: Path) -> None:
    for name in ("keys", "twice", "broken"):
        (path,) = source.rglob(f"{name}*")
        shown("tokenizer", "show", path, code=0 if name == "keys" else 1)
    shown("tokenizer", "show", tmp_path / FILE, code=1)
    shown("tokenizer", "stats", source)
    made = tmp_path / f"{FILE}.json"
    assert r"_\x1b[2J" in shown("tokenizer", "train", source, "-o", made)
    shown("tokenizer", "train", source, "-o", made, code=1)  # it is there
    (tmp_path / "bad.json").write_text(json.dumps({"format": KEY, KEY: KEY}))
    (path,) = source.rglob("keys*")
    shown("tokenizer", "show", path, "--tokenizer", tmp_path / "bad.json", code=1)


# -- making a model --------------------------------------------------------------------


def test_train(store: Path, run: Path, tmp_path: Path) -> None:
    shown("train", store, "--dry-run", *TINY)
    shown("train", store, "-o", run, "--resume", *TINY)  # finished
    shown("train", store, "-o", run, *TINY, code=1)  # it is there
    shown("train", store, "-o", tmp_path / "r", "--preset", NAME, code=1)
    shown("train", store, "-o", tmp_path / "r", "--set", f"{NAME}=1", code=1)
    shown("train", store, "-o", tmp_path / "r", "--set", f"model.width={NAME}", code=1)
    shown("train", store, "-o", tmp_path / "r", "--config", tmp_path / NAME, code=1)
    shown("train", tmp_path / NAME, "-o", tmp_path / "r", code=1)


def test_generate(run: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"name": TEXT}))
    for option in ("--stream", "--free", "-n2"):
        yaml = tct(
            *("generate", run, "--prompt", tmp_path / NAME, "--device", "cpu"),
            *("--max-tokens", 90, option),
        ).stdout
        assert "alert(1)" in yaml or option == "--free"
        assert harmful(yaml, allowed="\n\u202e\u2066\u200b\u2028") == []
    for name in ("keys", "twice", "broken"):
        (path,) = source.rglob(f"{name}*")
        shown("generate", run, "--prompt", path, "--device", "cpu", code=1)
    shown("generate", run, "--on", NAME, "--device", "cpu", code=1)
    shown("generate", run, "--device", NAME, code=1)
    shown("generate", tmp_path / "no" / FILE, code=1)


def test_eval(run: Path, store: Path, tmp_path: Path) -> None:
    folder = tmp_path / NAME
    said = shown(
        *("eval", run, "--store", store, "-o", folder, "--judges", tmp_path / "none"),
        *("-n", 1, "--seeds", 1, "--device", "cpu"),
    )
    assert r"run_\x1b[2J" in said
    assert r"run_\x1b[2J" in check_page(folder / "eval.html")
    shown("eval", tmp_path / "no" / FILE, code=1)
    shown("eval", run, "--store", tmp_path / "no" / FILE, code=1)


@pytest.mark.parametrize("suffix", [".svg", ".html", ".png"])
def test_plot(run: Path, tmp_path: Path, suffix: str) -> None:
    other = tmp_path / NAME  # whose name begins with _
    shutil.copytree(run, other)
    figure = tmp_path / f"{NAME}{suffix}"
    assert "written" in shown("plot", run, other, "-o", figure)
    if suffix == ".svg":
        assert check_svg(figure).count(r"_\x1b[2J") == 2
    elif suffix == ".html":
        check_page(figure)
    shown("plot", tmp_path / "no" / FILE, "-o", figure, code=1)


def test_compare(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / NAME)
    assert r"run_\x1b[2J" in shown("compare", run, tmp_path / NAME)
    shown("compare", run, tmp_path / NAME, "--json")
    shown("compare", tmp_path / "no" / FILE, code=1)


def test_export(run: Path, tmp_path: Path) -> None:
    target = tmp_path / f"model{NAME}"
    shown("export", run, "-o", target, "--license", NAME, code=1)
    assert r"model_\x1b[2J" in shown("export", run, "-o", target)
    card = (target / "README.md").read_text()
    assert harmful(card) == []
    assert card.count("---\n") == 2
    shown("export", run, "-o", target, code=1)
    shown("export", tmp_path / "no" / FILE, "-o", tmp_path / "m", code=1)


def test_serve(tmp_path: Path) -> None:
    shown("serve", tmp_path / NAME, "--port", 0, code=1)
    shown("serve", tmp_path, "--port", 0, "--host", NAME, code=1)


# -- what all of them use --------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [[NAME], ["store", NAME], [f"--{NAME}"], ["plot", f"--{NAME}"]]
)
def test_a_command_that_is_none(arguments: list[str]) -> None:
    shown(*arguments, code=2)


@pytest.mark.parametrize(
    "c", sorted({*filter(harmful, CONTROLS), "\udcff", "\ufeff", "\U000e0041"})
)
def test_every_control_is_shown_as_an_escape(c: str) -> None:
    assert visible(f"a{c}b").startswith("a\\")
    assert visible(f"a{c}b").isprintable()
    assert TctError(f"a{c}b", "c").problem == visible(f"a{c}b")


def test_what_can_be_seen_stays() -> None:
    text = "Café 日本語 עברית 🚀 [red]\\x1b"
    assert visible(text) == text
    assert visible_lines(f"{text}\n\t{text}\n") == f"{text}\n\t{text}\n"
    assert to_html("<a href='\"'>&\n") == "&lt;a href=&#x27;&quot;&#x27;&gt;&amp;\\n"


def test_a_screen_shows_texts_as_they_are() -> None:
    file = io.StringIO()
    screen = Screen(file=file)
    table = Table(title=KEY, caption=Text(KEY))
    table.add_column(KEY)
    table.add_row(Text(KEY))
    table.add_row("[/]")
    screen.print(KEY, soft_wrap=True)
    assert file.getvalue() == f"{visible(KEY)}\n"
    for one in (Text(KEY), table):
        screen.print(one, soft_wrap=True)

    assert harmful(file.getvalue()) == []
    assert "[red]x[bold]:smile:" in file.getvalue()


def test_a_stream_that_cannot_hold_a_character_gets_an_escape(store: Path) -> None:
    runner = CliRunner(charset="ascii")
    result = runner.invoke(main, ["store", "info", os.fspath(store)])
    assert (result.exit_code, result.exception) == (0, None)
