# Everything comes from the distribution, through pkg-config.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# neap_opened_library(NAME): for what is opened at first use (csrc/core/library.h), not linked: the
# target neap_<name>_headers, and NEAP_<NAME>_SONAME, the file that the linker would have noted.
function(neap_opened_library name)
  list(GET ${name}_LINK_LIBRARIES 0 file)
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${file} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  if(NOT text MATCHES "SONAME +([^ \n]+)")
    message(FATAL_ERROR "${file} is no shared library")
  endif()
  set(NEAP_${name}_SONAME ${CMAKE_MATCH_1} PARENT_SCOPE)
  string(TOLOWER neap_${name}_headers target)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
endfunction()

pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
pkg_check_modules(LUA_CJSON REQUIRED IMPORTED_TARGET lua5.4-cjson)
pkg_check_modules(LUA_LPEG REQUIRED IMPORTED_TARGET lua5.4-lpeg)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
neap_opened_library(CRYPTO)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
neap_opened_library(CURL)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0)
neap_opened_library(SSL)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat>=2.5)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib>=1.2.13)
neap_opened_library(ZLIB)
if(NEAP_BUILD_CLI OR NEAP_MODULE_SERVER OR NEAP_BUILD_TESTS)
  pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
  neap_opened_library(MICROHTTPD)
endif()

# The embedded sources are packed by a Lua script.
find_program(NEAP_LUA NAMES lua5.4 REQUIRED)

# Lua's headers without its library: objects that end in neap.so must leave lua_* undefined.
add_library(neap_lua_headers INTERFACE)
target_include_directories(neap_lua_headers SYSTEM INTERFACE ${LUA_INCLUDE_DIRS})

# Lua, cjson and lpeg as static archives: into executables only, Debian's are not PIC.
add_library(neap_lua_static INTERFACE)
foreach(archive IN ITEMS LUA_CJSON LUA_LPEG LUA)
  string(REPLACE "LUA_" "lua5.4-" name ${archive})
  string(REPLACE "LUA" "lua5.4" name ${name})
  string(TOLOWER ${name} name)
  find_library(NEAP_${archive}_ARCHIVE NAMES lib${name}.a REQUIRED HINTS ${LUA_LIBDIR})
  target_link_libraries(neap_lua_static INTERFACE ${NEAP_${archive}_ARCHIVE})
endforeach()
target_link_libraries(neap_lua_static INTERFACE m ${CMAKE_DL_LIBS})
