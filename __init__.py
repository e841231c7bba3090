"""tct: train small language models that write GitHub Actions workflows.

    import tct

    tct.prepare("workflows/", "store")
    tct.train(tct.Store.open("store"), "run", tct.preset("tiny"))
    for sample in tct.Generator.load("run").samples(3):
        print(sample.value)

`__all__` is the public API; docs/api.md has an example for each task and says what
stays compatible.  A name is imported when it is first used, so `import tct` is instant
and torch is loaded only by what computes with it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data.errors import TctError
    from .data.store import Store, open_stores
    from .data.tokenizer import Tokenizer
    from .data.windows import WindowPlan
    from .data.windows.batches import Batches
    from .pipeline.compiler import compile_schema
    from .pipeline.prepare.options import PrepareOptions
    from .pipeline.prepare.prepare import prepare
    from .trainer.config import Config
    from .trainer.evaluation.evaluate import evaluate
    from .trainer.export.export import export
    from .trainer.export.load import load_model
    from .trainer.generation import Generator, Sampling
    from .trainer.presets import preset
    from .trainer.training.loop import train

__version__ = "0.2.0"

__all__ = [
    "Batches",
    "Config",
    "Generator",
    "PrepareOptions",
    "Sampling",
    "Store",
    "TctError",
    "Tokenizer",
    "WindowPlan",
    "compile_schema",
    "evaluate",
    "export",
    "load_model",
    "open_stores",
    "prepare",
    "preset",
    "train",
]

# The imports above, for the interpreter; a test compares the two.
_MODULES = {
    "Batches": "data.windows.batches",
    "Config": "trainer.config",
    "Generator": "trainer.generation",
    "PrepareOptions": "pipeline.prepare.prepare",
    "Sampling": "trainer.generation",
    "Store": "data.store",
    "TctError": "data.errors",
    "Tokenizer": "data.tokenizer",
    "WindowPlan": "data.windows",
    "compile_schema": "pipeline.compiler",
    "evaluate": "trainer.evaluation.evaluate",
    "export": "trainer.export.export",
    "load_model": "trainer.export.load",
    "open_stores": "data.store",
    "prepare": "pipeline.prepare.prepare",
    "preset": "trainer.presets",
    "train": "trainer.training.loop",
}


if not TYPE_CHECKING:  # or every name would type-check

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
