/* fuzz.h: what every fuzzer has. With clang and the preset fuzz, libFuzzer calls it; in test builds
 * replay.c does, with the corpus in spec/data/fuzz. A property that does not hold aborts. */
#ifndef NEAP_SPEC_FUZZ_H
#define NEAP_SPEC_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(property)                                                                            \
    do {                                                                                           \
        if (!(property)) abort();                                                                  \
    } while (0)

#endif
