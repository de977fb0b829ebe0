/* test_split_portable.c: test_split.c with the scanner that needs no SSE2, which takes the other's place. */
#define NEAP_SPLIT_PORTABLE
#include "../../csrc/core/split_scan.c"

#include "test_split.c"
