#!/usr/bin/env bash
# Run the tests of the compiled core under AddressSanitizer and
# UndefinedBehaviorSanitizer, from a tree of links that has a core of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
tree=build/sanitized/tct
rm -rf "$tree"
mkdir -p "$tree/data/native"
for path in __init__.py __main__.py py.typed cli.py pipeline trainer tests data/*; do
    [ "$path" = data/native ] || ln -s "$PWD/$path" "$tree/$path"
done
ln -s "$PWD"/data/native/*.py "$tree/data/native/"
${CC:-cc} -shared -fPIC -O1 -g -Wall -Wextra -Werror \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -I"$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
    data/native/core.c -o "$tree/data/native/_core.abi3.so"
# CPython frees nothing at exit, so leaks are looked for by a test of its own.
# Its own allocator would hide what lies beyond a string.
env ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH="$PWD/build/sanitized" \
    LD_PRELOAD="$(${CC:-cc} -print-file-name=libasan.so) $(${CC:-cc} -print-file-name=libubsan.so)" \
    "$python" -m pytest -q -p no:cacheprovider "${@:2}" tests/data/test_native_*.py
