"""What somebody is typing, as the beginning of a workflow."""

import re

from ...data.documents.parse import parse_document
from ...data.documents.rejects import RejectedError
from ...data.errors import PromptError
from ...data.tokenizer import Prompt, Tokenizer

__all__ = ["read_prompt"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_prompt(
    tokenizer: Tokenizer, text: str, *, partial: bool = False
) -> tuple[Prompt, str | None]:
    """How a document begins that begins with a text.

    Args:
        tokenizer: of the model.
        text: YAML or JSON; without a document in it, no beginning at all.
        partial: whether the last line may be left out if it does not fit, as one that
            is being typed.

    Returns:
        The beginning, and the line that was left out.

    Raises:
        PromptError: the text is neither YAML nor JSON, or breaks the schema.
    """
    try:
        return _read(tokenizer, text), None
    except PromptError:
        # A line that is no UTF-8 is not being typed, and no answer could name it.
        if not partial or _SURROGATE.search(text):
            raise
    # `splitlines` would cut at U+2028 as well, which ends no line of YAML.
    *kept, last = re.split(r"(?<=\n)", text.rstrip())
    return _read(tokenizer, "".join(kept)), last


def _read(tokenizer: Tokenizer, text: str) -> Prompt:
    try:
        # A lone surrogate, which JSON has, is no UTF-8 and refused as such.
        value = parse_document(text.encode(errors="surrogatepass"))
    except RejectedError as problem:
        if problem.reason == "empty":
            return tokenizer.open(None)
        raise PromptError(
            f"the prompt is no workflow: {problem}",
            "give one YAML or JSON object, or leave that part to the model",
        ) from problem
    return tokenizer.open(value)
