"""What training sees, counted and read back from the windows and batches themselves.

    documents.py   which document, or which of them, to look at
    epochs.py      the windows of an epoch, and what they add up to
    coverage.py    how often each token is a target
    promises.py    all policies over all alignments, and what they promise
    cuts.py        where a window begins in the text of a document
    schedule.py    in which step a document is trained
    positions.py   a batch position by position

Nothing here decides anything: windows come from `WindowPlan`, steps from `Batches`.
"""

from .coverage import Coverage
from .cuts import Stretch, stretches, yaml_places
from .documents import find_document, sample_documents, typical_document
from .epochs import (
    EpochSummary,
    count_positions,
    document_windows,
    epoch_windows,
    summarize,
    window_records,
)
from .positions import BatchWindow, batch_windows
from .promises import Claim, PolicyCounts, claims, count_policy
from .schedule import Occasion, occasions

__all__ = [
    "BatchWindow",
    "Claim",
    "Coverage",
    "EpochSummary",
    "Occasion",
    "PolicyCounts",
    "Stretch",
    "batch_windows",
    "claims",
    "count_policy",
    "count_positions",
    "document_windows",
    "epoch_windows",
    "find_document",
    "occasions",
    "sample_documents",
    "stretches",
    "summarize",
    "typical_document",
    "window_records",
    "yaml_places",
]
