"""What the command line takes for a store: one, several with weights, or a file."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tct.data.errors import ConfigError, FormatError
from tct.data.store import Mixture, Store, open_stores, stores_in

BuildStore = Callable[..., Store]


@pytest.fixture
def folders(build_store: BuildStore) -> list[str]:
    """Two stores of different documents."""
    return [
        str(build_store([np.full(5 + n, n, dtype="<u2")], name=name).folder)
        for n, name in enumerate(("one", "two"))
    ]


def error_of(*arguments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        open_stores(arguments)
    return str(caught.value)


def mixed(*arguments: str) -> Mixture:
    found = open_stores(arguments)
    assert isinstance(found, Mixture)
    assert found.arguments == arguments
    return found


def test_one_store_is_that_store(folders: list[str]) -> None:
    for argument in (folders[0], f"{folders[0]}=1", f"{folders[0]}=1.000"):
        found = open_stores([argument])
        assert type(found) is Store
        assert found.arguments == (folders[0],)


def test_a_store_has_the_weight_behind_it_or_1(folders: list[str]) -> None:
    one, two = folders
    found = mixed(f"{two}=0.3", one)
    assert list(stores_in(found)) == ["two", "one"]
    assert found.stages_of(None) == [(0, (Fraction(3, 10), Fraction(1)))]
    assert mixed(f"{one}=2").stages_of(None) == [(0, (Fraction(2),))]
    assert len(found) == 2
    assert [found.name_of(row) for row in range(2)] == ["two", "one"]


def test_a_folder_may_have_an_equals_sign_in_its_name(build_store: BuildStore) -> None:
    plain = build_store([np.full(5, 1, dtype="<u2")], name="lang=yaml").folder
    assert type(open_stores([plain])) is Store
    assert mixed(f"{plain}=0.5").stages_of(None) == [(0, (Fraction(1, 2),))]


def test_stores_of_one_name_are_told_apart(build_store: BuildStore) -> None:
    first = build_store([np.full(5, 1, dtype="<u2")], name="a").folder
    (first.parent / "deep").mkdir()
    other = build_store([np.full(5, 2, dtype="<u2")], name="deep/a").folder
    assert list(stores_in(open_stores([first, other]))) == ["a", "a-2"]


@pytest.mark.parametrize(
    "weight", ["0", "-1", "nan", "inf", "1e3", "1001", "0.0000001", "x", "", "½"]
)
def test_a_weight_that_is_no_positive_number_is_refused(
    folders: list[str], weight: str
) -> None:
    one, two = folders
    expected = f"{two}={weight}: found weight {weight!r}, expected a positive number"
    assert error_of(one, f"{two}={weight}").startswith(expected)


def test_stores_that_do_not_go_together_are_refused(
    folders: list[str], tmp_path: Path
) -> None:
    one, two = folders
    assert f"{one}: found the same store twice" in error_of(one, two, f"{one}=2")
    copy = tmp_path / "copy"
    copy.symlink_to(one)
    assert f"{copy}: found the same store as {one}" in error_of(one, str(copy))
    with pytest.raises(FormatError, match=r"nowhere: no manifest\.json"):
        open_stores([one, "nowhere"])


def test_a_store_of_another_tokenizer_is_refused(
    store_folder: Path, folders: list[str]
) -> None:
    message = error_of(str(store_folder), folders[0])
    assert f"{folders[0]}: found tokenizer 000000000000, expected " in message
    assert "prepare all stores with one tokenizer" in message


# -- a file ----------------------------------------------------------------------------

TWO_STAGES = """
[[stage]]
stores = { "one" = 1, "two" = 0.3 }

[[stage]]
after = 0.8
stores = { "two" = 2 }
"""


def test_a_file_has_weights_by_stage(folders: list[str]) -> None:
    path = Path(folders[0]).parent / "mixture.toml"
    path.write_text(TWO_STAGES)
    found = mixed(str(path))
    assert list(stores_in(found)) == ["one", "two"]
    assert found.weights == [["0", "1", "3/10"], ["4/5", "0", "2"]]
    first, last = (tuple(map(Fraction, w)) for w in (("1", "0.3"), ("0", "2")))
    assert found.stages_of(100) == [(0, first), (80, last)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing, expected [[stage]] tables"),
        ("stage = 1", "found stage, expected [[stage]] tables"),
        ("[[stages]]", "found stages, expected [[stage]] tables"),
        ("[[stage]", "not readable as TOML"),
        (
            "[[stage]]\nweights = 1",
            "stage 1: found weights, expected stores, and after",
        ),
        (
            "[[stage]]\nstores = {}",
            "stage 1: found stores without any, expected a weight",
        ),
        (
            "[[stage]]\nstores = 3",
            "stage 1: found stores without any, expected a weight",
        ),
        ('[[stage]]\nstores = {"one" = 0}', "stage 1: one: found weight 0, expected a"),
        ('[[stage]]\nstores = {"one" = nan}', "one: found weight 'nan', expected a"),
        ('[[stage]]\nstores = {"one" = true}', "one: found weight True, expected a"),
        ('[[stage]]\nstores = {"one" = "1e3"}', "one: found weight '1e3', expected a"),
        (
            '[[stage]]\nafter = 0.5\nstores = {"one" = 1}',
            "stage 1: found after = 1/2, expected none in the first stage",
        ),
        (
            '[[stage]]\nstores = {"one" = 1}\n[[stage]]\nstores = {"one" = 1}',
            "stage 2: found after = 0, expected none in the first stage",
        ),
        (
            '[[stage]]\nafter = -1\nstores = {"one" = 1}',
            "stage 1: found after = -1, expected a share of the steps such as 0.8",
        ),
    ],
)
def test_a_file_that_says_something_else_is_refused(
    folders: list[str], text: str, message: str
) -> None:
    path = Path(folders[0]).parent / "mixture.toml"
    path.write_text(text)
    found = error_of(str(path))
    assert found.startswith(str(path))
    assert message in found


def test_stages_that_go_back_are_refused(folders: list[str]) -> None:
    path = Path(folders[0]).parent / "mixture.toml"
    later = '[[stage]]\nafter = 0.5\nstores = {"one" = 1}\n'
    path.write_text(TWO_STAGES + later)
    with pytest.raises(ConfigError) as caught:
        mixed(str(path)).stages_of(100)
    assert "stage 3 of the mixture: begins at step 50, expected one after 80" in str(
        caught.value
    )
