# Options, and what they mean for every compilation: carried by INTERFACE targets, never by global
# flags.
include(CMakeDependentOption)

option(NEAP_BUILD_CLI "Build the neap command" ON)
option(NEAP_BUILD_MODULE "Build neap.so for a stock lua5.4" ON)
cmake_dependent_option(NEAP_BUILD_TESTS "Build the C tests, and the module with the HTTP sandbox"
  OFF PROJECT_IS_TOP_LEVEL OFF)
option(NEAP_BUILD_FUZZERS "Build the libFuzzer targets (clang)" OFF)
option(NEAP_MODULE_SERVER "Link the HTTP sandbox into the module, for specs" ${NEAP_BUILD_TESTS})
option(NEAP_BUILD_NGINX "Build the module for nginx, where nginx-dev is installed" ON)
set(NEAP_NGINX_SOURCE /usr/share/nginx/src CACHE PATH "What nginx-dev brings")
if(NOT EXISTS ${NEAP_NGINX_SOURCE}/conf_flags)
  set(NEAP_BUILD_NGINX OFF) # for this run: the package may come later
endif()
option(NEAP_WERROR "Treat warnings as errors" OFF)
option(NEAP_COVERAGE "Count executed lines with gcov" OFF)
set(NEAP_SANITIZE "" CACHE STRING "Sanitizers: address;undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# snprintf cuts on purpose where we use it: messages have a length.
add_library(neap_warnings INTERFACE)
target_compile_options(neap_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef
  -Wwrite-strings -Wvla $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
  $<$<BOOL:${NEAP_WERROR}>:-Werror>)

# How all our code is compiled: language level, instrumentation, hardening of releases.
add_library(neap_build INTERFACE)
target_compile_features(neap_build INTERFACE c_std_11)
target_compile_definitions(neap_build INTERFACE _GNU_SOURCE)
target_compile_options(neap_build INTERFACE -fstack-protector-strong)
target_link_options(neap_build INTERFACE -Wl,-z,relro -Wl,-z,now)
if(NEAP_SANITIZE)
  list(JOIN NEAP_SANITIZE "," sanitizers)
  target_compile_options(neap_build INTERFACE
    -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(neap_build INTERFACE -fsanitize=${sanitizers})
else()
  target_compile_definitions(neap_build INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
if(NEAP_BUILD_FUZZERS)
  target_compile_options(neap_build INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NEAP_COVERAGE)
  target_compile_options(neap_build INTERFACE --coverage)
  target_link_options(neap_build INTERFACE --coverage)
endif()
