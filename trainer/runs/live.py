"""Show a run in progress on stderr: a live bar on a terminal, plain lines elsewhere."""

from rich.progress import TextColumn

from ...data.display.bars import rich_bars
from ...data.display.screen import Screen
from .metrics import StepRecord
from .progress import TrainProgress
from .state import SampleRates, Validation

__all__ = ["TrainBar", "TrainLines", "make_progress", "time_left"]


class TrainLines(TrainProgress):
    """One line per record, for logs and pipes."""

    def __init__(self, screen: Screen) -> None:
        """Print to this screen."""
        self._screen = screen
        self._steps = 0

    def start(self, *, step: int, steps: int) -> None:
        """Keep the number of steps."""
        self._steps = steps

    def replanned(self, step: int, steps: int) -> None:
        """Keep the number of steps, and print it."""
        self._steps = steps
        self._print(_replanned_line(step, steps))

    def logged(self, record: StepRecord) -> None:
        """Print the record."""
        self._print(
            f"step {record.step:,}/{self._steps:,}  loss {record.loss:.4f}  "
            f"lr {record.lr:.2e}  grad {record.grad_norm:.2f}  epoch {record.epoch}  "
            f"{record.tokens_per_s:,.0f} tokens/s  {time_left(record.eta)} left"
        )

    def validated(self, step: int, validation: Validation) -> None:
        """Print the figures."""
        self._print(_validation_line(step, validation))

    def sampled(self, step: int, rates: SampleRates) -> None:
        """Print the shares."""
        self._print(_samples_line(step, rates))

    def note(self, text: str) -> None:
        """Print the text."""
        self._print(text)

    def _print(self, text: str) -> None:
        # One record is one line, whatever the width of the terminal.
        self._screen.print(text, soft_wrap=True)


class TrainBar(TrainProgress):
    """A bar that moves with every step, with evaluations printed above it."""

    def __init__(self, screen: Screen) -> None:
        """Draw on this screen."""
        figures = TextColumn("{task.fields[figures]}")
        self._bar = rich_bars(screen, figures, expand=True)
        self._task = self._bar.add_task("training", total=None, figures="", start=False)

    def start(self, *, step: int, steps: int) -> None:
        """Show the bar."""
        self._bar.update(self._task, total=steps, completed=step)
        self._bar.start_task(self._task)
        self._bar.start()

    def replanned(self, step: int, steps: int) -> None:
        """Change the length of the bar."""
        self._bar.update(self._task, total=steps)

    def step(self, step: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=step)

    def logged(self, record: StepRecord) -> None:
        """Update the figures beside the bar."""
        figures = (
            f"loss {record.loss:.3f}  epoch {record.epoch}  "
            f"{record.tokens_per_s:,.0f} tokens/s  MFU {record.mfu:.0%}  "
            f"{time_left(record.eta)} left"
        )
        self._bar.update(self._task, figures=figures)

    def validated(self, step: int, validation: Validation) -> None:
        """Print the figures above the bar."""
        self.note(_validation_line(step, validation))

    def sampled(self, step: int, rates: SampleRates) -> None:
        """Print the shares above the bar."""
        self.note(_samples_line(step, rates))

    def phase(self, name: str) -> None:
        """Name the phase beside the bar."""
        self._bar.update(self._task, description=name)

    def note(self, text: str) -> None:
        """Print the text above the bar."""
        self._bar.console.print(text)

    def finish(self) -> None:
        """Stop drawing, and leave the bar on the screen."""
        self._bar.stop()


def make_progress(screen: Screen | None = None) -> TrainProgress:
    """A bar on a terminal, plain lines otherwise."""
    screen = screen or Screen(stderr=True)
    return TrainBar(screen) if screen.is_terminal else TrainLines(screen)


def _validation_line(step: int, validation: Validation) -> str:
    return (
        f"step {step:,}  validation loss {validation.loss:.4f}  "
        f"perplexity {validation.perplexity:,.2f}  "
        f"bits per byte {validation.bits_per_byte:.4f}"
        + "".join(
            f"  {name} {store.loss:.4f}" for name, store in validation.stores.items()
        )
    )


def _replanned_line(step: int, steps: int) -> str:
    return f"step {step:,}  the run ends on time after {steps:,} steps"


def _samples_line(step: int, rates: SampleRates) -> str:
    return (
        f"step {step:,}  samples on the schema: {rates.constrained_valid:.0%} with "
        f"masks, {rates.free_valid:.0%} without"
    )


def time_left(seconds: float) -> str:
    """Format seconds as hours and minutes, or minutes and seconds: 3h05, 4m30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}" if hours else f"{minutes}m{rest:02}"
