# Install and export rules. The Lua library is inside the binaries; recipes are installed too, as
# files to read and copy.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/neap)

install(TARGETS neap EXPORT neapTargets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/csrc/include/neap TYPE INCLUDE)
if(NEAP_BUILD_CLI)
  install(TARGETS neap_cli)
endif()
if(NEAP_BUILD_MODULE)
  install(TARGETS neap_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/lua/5.4)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/scripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/neap/scripts
  FILES_MATCHING PATTERN "*/*.lua" PATTERN "*/samples/*")

install(EXPORT neapTargets NAMESPACE neap:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/csrc/cmake/neapConfig.cmake.in
  ${PROJECT_BINARY_DIR}/neapConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/neapConfigVersion.cmake
  COMPATIBILITY ${NEAP_COMPATIBILITY})
# Relative to itself, so that `cmake --install --prefix` may put it anywhere.
file(RELATIVE_PATH NEAP_PC_PREFIX /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(${PROJECT_SOURCE_DIR}/csrc/neap.pc.in ${PROJECT_BINARY_DIR}/neap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/neapConfig.cmake ${PROJECT_BINARY_DIR}/neapConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/neap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/csrc/README.md TYPE DOC)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/csrc/examples TYPE DOC)
