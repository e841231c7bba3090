"""Read text that is being typed as the beginning of a document."""

import re

from ...data.documents.parse import parse_document
from ...data.documents.rejects import RejectedError
from ...data.errors import PromptError
from ...data.tokenizer import Prompt, Rules, Tokenizer

__all__ = ["read_prompt"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_prompt(
    tokenizer: Tokenizer,
    text: str,
    *,
    partial: bool = False,
    rules: Rules | None = "schema",
) -> tuple[Prompt, str | None]:
    """Read a text as the beginning of a document.

    Args:
        tokenizer: of the model.
        text: YAML or JSON; a text without a document gives an empty prompt.
        partial: leave out the last line if it does not fit: it may be half typed.
        rules: what the rest must keep to; see `Tokenizer.open`.

    Returns:
        The prompt, and the line that was left out.

    Raises:
        PromptError: the text is neither YAML nor JSON, or breaks the schema.
    """
    try:
        return _read(tokenizer, text, rules), None
    except PromptError:
        # Nobody types invalid UTF-8, and no answer could quote it.
        if not partial or _SURROGATE.search(text):
            raise
    # `splitlines` would also split at U+2028, which is not a line break in YAML.
    *kept, last = re.split(r"(?<=\n)", text.rstrip())
    return _read(tokenizer, "".join(kept), rules), last


def _read(tokenizer: Tokenizer, text: str, rules: Rules | None) -> Prompt:
    try:
        # A lone surrogate, possible in JSON, is rejected as invalid UTF-8.
        value = parse_document(text.encode(errors="surrogatepass"))
    except RejectedError as problem:
        if problem.reason == "empty":
            return tokenizer.open(None, rules=rules)
        raise PromptError(
            f"the prompt is not a {tokenizer.kind.one}: {problem}",
            "give one YAML or JSON object, or leave that part to the model",
        ) from problem
    return tokenizer.open(value, rules=rules)
