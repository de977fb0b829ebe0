#!/bin/sh
# Every C file is in the build, hence compiled with warnings as errors and seen by clang-tidy.
set -eu
cd "$NEAP_SRC"
find csrc spec/c spec/fuzz -name '*.c' | {
    missing=0
    while read -r file; do
        grep -q "\"file\": \".*/$file\"" "$NEAP_BUILD/compile_commands.json" && continue
        echo "$file is in no target"
        missing=1
    done
    exit $missing
}
