#!/usr/bin/env bash
# Walk the whole path once: workflows → store → windows → model → workflows.
# usage: demo.sh BIN OUT    BIN holds python and tct; OUT is replaced
set -euo pipefail

examples=$(dirname "$0")
export PATH="$1:$PATH"
out=$2

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }
run() {
    say "\$ $*"
    "$@"
}

rm -rf "$out"
mkdir -p "$out"
begun=$SECONDS

run python "$examples/compose.py" "$out/workflows"
run tct prepare "$out/workflows" -o "$out/store"
run tct inspect-windows "$out/store" --epoch 3 --limit 5
run tct train "$out/store" -o "$out/run" --preset tiny
generate=(tct generate "$out/run" --num-samples 3 --temperature 0.7 --top-p 0.9)
say "\$ ${generate[*]}"
"${generate[@]}" | tee "$out/generated.yml"

say "Done in $((SECONDS - begun)) s"
cat <<TEXT
  $out/workflows       240 composed workflow files, $(du -sh "$out/workflows" | cut -f1)
  $out/store           their tokens: shards, index, tokenizer, manifest
  $out/run             the trained model: checkpoints, metrics.jsonl, config.json
  $out/generated.yml   three workflows that the model wrote

What to run next:
  $1/tct generate $out/run --seed 1                 write more
  $1/tct inspect-windows $out/store --doc 12        see inside the windows of a document
  $1/tct prepare YOUR_WORKFLOWS -o store            use your own files
  $1/tct train store -o run --preset workflow-27m   train the real model (on a GPU)
TEXT
