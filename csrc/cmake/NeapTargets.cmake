# How targets of this project are made.

# What callers may rely on: while the major version is 0, a minor one may break them.
set(NEAP_SOVERSION ${PROJECT_VERSION_MAJOR})
set(NEAP_COMPATIBILITY SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(NEAP_SOVERSION 0.${PROJECT_VERSION_MINOR})
  set(NEAP_COMPATIBILITY SameMinorVersion)
endif()

# neap_object_library(NAME SOURCES...): a layer, with our compile rules and warnings.
function(neap_object_library name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/csrc ${PROJECT_SOURCE_DIR}/csrc/include)
  target_link_libraries(${name} PUBLIC neap_build PRIVATE neap_warnings)
endfunction()

# neap_product(TARGET [SERVER] [SOURCES...]): links the layers. lua/module.c lists the natives and
# differs with SERVER (the HTTP sandbox), so each product compiles its own.
function(neap_product target)
  cmake_parse_arguments(PARSE_ARGV 1 with "SERVER" "" "")
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/csrc/lua/module.c
    ${with_UNPARSED_ARGUMENTS})
  target_link_libraries(${target} PRIVATE
    neap_core neap_lua neap_embed neap_build neap_warnings)
  if(with_SERVER)
    target_link_libraries(${target} PRIVATE neap_server)
    target_compile_definitions(${target} PRIVATE NEAP_WITH_SERVER)
  endif()
endfunction()

# neap_embed_lua(OUT): makes OUT from the library and the bundled recipes.
function(neap_embed_lua out)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
    ${PROJECT_SOURCE_DIR}/lua/neap/*.lua)
  list(FILTER files EXCLUDE REGEX "/_meta/")
  file(GLOB recipes CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
    ${PROJECT_SOURCE_DIR}/scripts/*/*.lua)
  list(APPEND files ${recipes})
  set(depends ${files})
  list(TRANSFORM depends PREPEND ${PROJECT_SOURCE_DIR}/)
  add_custom_command(OUTPUT ${out}
    COMMAND ${NEAP_LUA} ${PROJECT_SOURCE_DIR}/csrc/cmake/embed.lua
      ${out} ${PROJECT_SOURCE_DIR} ${files}
    DEPENDS ${PROJECT_SOURCE_DIR}/csrc/cmake/embed.lua ${depends}
    COMMENT "Packing the Lua sources" VERBATIM)
endfunction()
