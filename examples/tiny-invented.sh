#!/usr/bin/env bash
# Train the model that ships with tct, from nothing, in some ten minutes on a CPU.
# usage: tiny-invented.sh BIN WORK MODEL    BIN holds python and tct; WORK is for files
# on the way; MODEL is replaced: trainer/export/tiny-invented for the one in the package
set -euo pipefail

examples=$(realpath "$(dirname "$0")")
export PATH="$(realpath "$1"):$PATH" OMP_NUM_THREADS=1
model=$(realpath -m "$3")
mkdir -p "$2"
cd "$2"

python "$examples/compose.py" workflows --count 2000
tct prepare workflows -o store
tct train store -o run --preset tiny-fast --steps 660 --set eval_every=660
rm -rf "$model"
tct export run -o "$model" --half --license apache-2.0

# The card of an export takes documents to be somebody's.
python - "$model/README.md" <<'PY'
import re
import sys
from pathlib import Path

card = Path(sys.argv[1])
text, number = re.subn(
    r"The documents are the workflows of others.*?\n\n",
    "No repository has these documents: `examples/compose.py` of tct invented them, "
    "2,000 of 506 repositories that do not exist, from templates of its own. The model "
    "shows how tct works, minutes after it was installed. For workflows like yours, "
    "train one on yours. `examples/tiny-invented.sh` trains this one again.\n\n",
    card.read_text(),
    flags=re.S,
)
assert number == 1
card.write_text(text)
PY
