"""Every setting of a run, in four sections.

A key is written `section.field`, for example `optim.lr`.  Values are checked on
construction, so every Config can be trained.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from ..data.tokenizer import MODEL_VOCAB
from ..data.windows import CONTEXT, POLICIES, STRIDE, Policy
from ..data.windows.layouts import LAYOUTS, Layout
from .checks import above, refuse, refuse_unknown, within
from .contexts import Contexts, phases_of, read_context

__all__ = [
    "Config",
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "Optimizer",
    "RunConfig",
    "Schedule",
    "differences",
    "from_dict",
    "to_dict",
]

Schedule = Literal["cosine", "linear", "constant", "wsd"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
Optimizer = Literal["adamw", "muon"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The shape of the GPT."""

    SECTION: ClassVar[str] = "model"

    vocab_size: int = MODEL_VOCAB
    """Rows of the embedding: 8,192 content ids and PAD."""
    context: int = CONTEXT
    """Content tokens per window, at most; a multiple of the window stride."""
    width: int = 384
    """Channels of the residual stream, shared evenly by the heads."""
    layers: int = 12
    """Transformer layers."""
    heads: int = 6
    """Attention heads."""
    softcap: float = 15.0
    """Logits are softcapped into (-softcap, softcap)."""
    rope_base: float = 10000.0
    """Longest wavelength of the rotary positions, over 2 pi."""
    dropout: float = 0.0
    """Share of the channels that are zeroed, in training only, after the embedding and
    in the output of every sublayer; keyed by step, micro-batch and rank."""

    def __post_init__(self) -> None:
        """Check the shape."""
        within(self, "vocab_size", MODEL_VOCAB)
        for name in ("context", "width", "heads"):
            within(self, name, 1)
        within(self, "layers", 1, 1000)
        if self.context > CONTEXT or self.context % STRIDE:
            refuse(self, "context", f"a multiple of {STRIDE} up to {CONTEXT:,}")
        if self.width % (2 * self.heads):
            # Rotary positions turn pairs of channels.
            refuse(self, "width", f"a multiple of {2 * self.heads} (twice model.heads)")
        above(self, "softcap", 0)
        above(self, "rope_base", 1)
        if not 0 <= self.dropout < 1:
            refuse(self, "dropout", "at least 0 and below 1")

    @property
    def layer_parameters(self) -> int:
        """Weights of the matrices inside the layers: 4 of attention, 8 of the MLP."""
        return 12 * self.layers * self.width**2

    @property
    def parameters(self) -> int:
        """All weights: the layers, the embedding and the head."""
        return self.layer_parameters + 2 * self.vocab_size * self.width

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """The windows that a step sees."""

    SECTION: ClassVar[str] = "data"

    batch_size: int = 32
    """Windows per optimiser step; more of them where `data.context` is shorter than
    `model.context`, for as many targets."""
    seed: int = 0
    """Seed of the data order and of the initial weights."""
    windows: Policy = "plan"
    """How documents are cut into windows."""
    context: int | Contexts | None = None
    """Content tokens per window in training, at most: a number, or a list of
    `[start, number]` such as `[[0, 512], [0.5, 1024]]`, where each start is a share of
    the steps. If unset, `model.context`, which validation always has."""

    def __post_init__(self) -> None:
        """Check the values."""
        within(self, "batch_size", 1, 1 << 16)
        try:
            object.__setattr__(self, "context", read_context(self.context))
        except ValueError as error:
            refuse(self, "context", str(error))
        if self.windows not in POLICIES:
            refuse(self, "windows", " or ".join(POLICIES))
        if not 0 <= self.seed < 2**63:
            refuse(self, "seed", "0 to 2**63 - 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """Optimiser and learning rate."""

    SECTION: ClassVar[str] = "optim"

    optimizer: Optimizer = "adamw"
    """Optimiser of the matrices inside the layers; all other weights use AdamW."""
    lr: float = 3e-4
    """Highest learning rate."""
    min_lr_ratio: float = 0.1
    """The last step's learning rate as a share of `lr`."""
    schedule: Schedule = "cosine"
    """Decay of the learning rate after the warm-up."""
    decay_ratio: float = 0.2
    """With `wsd`, the share of the steps after the warm-up in which the rate decays."""
    warmup_steps: int = 1500
    """Steps of linear warm-up, limited to a tenth of the run."""
    beta1: float = 0.9
    """Decay rate of AdamW's first moment."""
    beta2: float = 0.95
    """Decay rate of AdamW's second moment."""
    weight_decay: float = 0.1
    """Weight decay of the matrices inside the layers; embedding and head have none."""
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down to it."""
    decay_from: int | None = None
    """Step from which the rate decays, without a warm-up; if unset, the last one of the
    warm-up. A run with `run.seconds` sets it when it changes its number of steps."""
    decay_height: float = 1.0
    """Height of the rate at `decay_from`: 1 for `lr`, 0 for the last step's rate."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.optimizer not in OPTIMIZERS:
            refuse(self, "optimizer", " or ".join(OPTIMIZERS))
        above(self, "lr", 0)
        if self.schedule not in SCHEDULES:
            refuse(self, "schedule", " or ".join(SCHEDULES))
        if not 0 < self.decay_ratio <= 1:
            refuse(self, "decay_ratio", "above 0 and at most 1")
        within(self, "warmup_steps", 0)
        if self.decay_from is not None:
            within(self, "decay_from", 0)
        within(self, "decay_height", 0, 1)
        within(self, "weight_decay", 0)
        above(self, "clip", 0)
        if not 0 <= self.min_lr_ratio <= 1:
            refuse(self, "min_lr_ratio", "0 to 1")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                refuse(self, name, "at least 0 and below 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """Length, layout and output of a run."""

    SECTION: ClassVar[str] = "run"

    steps: int = 50_000
    """Optimiser steps of the whole run."""
    eval_every: int = 2500
    """Steps between evaluations of the validation split; also after the last step."""
    save_every: int = 1000
    """Steps between checkpoints; also at each evaluation and after the last step."""
    log_every: int = 10
    """Steps between records in metrics.jsonl."""
    keep_last: int = 2
    """Newest checkpoints to keep, besides the best one."""
    layout: Layout | None = None
    """How windows lie in memory, which changes only the speed; if unset, the device
    decides."""
    micro_batch: int | None = None
    """Rows per forward pass, at most; if unset, the device decides."""
    compile: bool | None = None
    """Whether to compile the step; if unset, the device decides."""
    sample_every: int | None = None
    """Steps between samples that the model writes; if unset, it writes none."""
    samples: int = 4
    """Samples to write with the grammar's masks, and as many again without."""
    patience: int | None = None
    """Stop after this many evaluations in a row without a new best; if unset, never."""
    seconds: float | None = None
    """Wall time until the last step is done: `steps` changes with the speed of the run;
    if unset, it does not. `--max-minutes` sets it."""

    def __post_init__(self) -> None:
        """Check the values."""
        counts = ("steps", "eval_every", "save_every", "log_every", "keep_last")
        for name in (*counts, "samples"):
            within(self, name, 1)
        for name in ("micro_batch", "sample_every", "patience"):
            if getattr(self, name) is not None:
                within(self, name, 1)
        if self.seconds is not None:
            above(self, "seconds", 0)
        if self.layout is not None and self.layout not in LAYOUTS:
            refuse(self, "layout", " or ".join(LAYOUTS))


Section = ModelConfig | DataConfig | OptimConfig | RunConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run depends on besides the store."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        """Check what sections ask of each other."""
        most = self.model.context
        if max(length for _, length in self.phases) > most:
            refuse(self.data, "context", f"at most {most:,} (model.context)")

    @property
    def phases(self) -> list[tuple[int, int]]:
        """The first step of each context in training, and the context."""
        context, steps = self.data.context, self.run.steps
        return phases_of(context, most=self.model.context, steps=steps)


SECTIONS: dict[str, type[Section]] = {
    section.SECTION: section
    for section in (ModelConfig, DataConfig, OptimConfig, RunConfig)
}


def to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Plain values by section and field, for JSON."""
    return asdict(config)


def from_dict(values: Mapping[str, Mapping[str, Any]]) -> Config:
    """The reverse of `to_dict`.

    Raises:
        ConfigError: an unknown section or field, or a value that does not fit.
    """
    for section, found in values.items():
        if section not in SECTIONS:
            refuse_unknown(section, sorted(SECTIONS))
        known = [item.name for item in fields(SECTIONS[section])]
        for name in found:
            if name not in known:
                refuse_unknown(f"{section}.{name}", known)
    return Config(
        model=ModelConfig(**values.get("model", {})),
        data=DataConfig(**values.get("data", {})),
        optim=OptimConfig(**values.get("optim", {})),
        run=RunConfig(**values.get("run", {})),
    )


def differences(ours: Config, theirs: Config) -> list[tuple[str, Any, Any]]:
    """The keys in which two Configs differ, as (key, our value, their value)."""
    left, right = to_dict(ours), to_dict(theirs)
    return [
        (f"{section}.{name}", value, right[section][name])
        for section, values in left.items()
        for name, value in values.items()
        if value != right[section][name]
    ]
