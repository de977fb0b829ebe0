#!/bin/sh
# Each public header compiles alone, with pedantic warnings as errors, in C and in C++.
set -eu
tmp=$(mktemp -d)
for header in "$NEAP_SRC"/csrc/include/neap/*.h; do
    name=${header##*/}
    printf '#include <neap/%s>\n#include <neap/%s>\nint main(void) { return 0; }\n' \
        "$name" "$name" >"$tmp/alone.c"
    cp "$tmp/alone.c" "$tmp/alone.cc"
    for standard in c11 c17; do
        gcc -std=$standard -pedantic -Wall -Wextra -Werror -Wstrict-prototypes \
            -I "$NEAP_SRC/csrc/include" -fsyntax-only "$tmp/alone.c"
    done
    for standard in c++11 c++20; do
        g++ -std=$standard -pedantic -Wall -Wextra -Werror \
            -I "$NEAP_SRC/csrc/include" -fsyntax-only "$tmp/alone.cc"
    done
done
