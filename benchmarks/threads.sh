#!/usr/bin/env bash
# Train beside busy neighbours: with two threads, then with those that tct chooses.
# usage: threads.sh BIN STORE    BIN holds python and tct
set -euo pipefail
unset OMP_NUM_THREADS
export PATH="$1:$PATH"
store=$2
run=$(mktemp -d)
trap 'kill $(jobs -p); rm -rf "$run"' EXIT

while :; do :; done &
python -c "
import torch
torch.set_num_threads(2)
x, w = torch.ones(400, 128), torch.ones(128, 8193)
while True: x @ w" &
sleep 2

for round in 1 2; do
    for options in '--threads 2' ''; do
        echo "round $round: tct train --preset tiny $options"
        rm -rf "$run"
        # shellcheck disable=SC2086
        timeout 60 tct train "$store" -o "$run" --preset tiny --steps 8 $options \
            --set log_every=1 --set eval_every=1000 2>&1 | grep -E '^(threads|step)' || true
    done
done
