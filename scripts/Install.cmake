# What `cmake --install` puts where: the program and the shipped configurations, which it finds beside itself, and a CMake
# package with the library (find_package(diffeo), diffeo::core). Both take LibTorch from where it was at the build.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(diffeo PROPERTIES INSTALL_RPATH ${libtorch_root}/lib)
set_target_properties(diffeo_core PROPERTIES EXPORT_NAME core)
set_target_properties(LibTorch PROPERTIES EXPORT_NAME LibTorch)

install(TARGETS diffeo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS diffeo_core LibTorch EXPORT diffeo ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/diffeo/configs)
install(DIRECTORY src/ DESTINATION include/diffeo FILES_MATCHING PATTERN *.h)
install(FILES scripts/diffeo.py DESTINATION ${CMAKE_INSTALL_DATADIR}/diffeo)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/diffeo)
install(EXPORT diffeo NAMESPACE diffeo:: FILE targets.cmake DESTINATION ${package})
file(WRITE ${PROJECT_BINARY_DIR}/diffeo-config.cmake
     "set(CMAKE_CXX_STANDARD 20)\n"
     "include(CMakeFindDependencyMacro)\n"
     "foreach(package Threads CLI11 spdlog yaml-cpp nlohmann_json PNG JPEG ZLIB)\n"
     "  find_dependency(\${package})\n"
     "endforeach()\n"
     "include(\${CMAKE_CURRENT_LIST_DIR}/targets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/diffeo-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/diffeo-config.cmake ${PROJECT_BINARY_DIR}/diffeo-config-version.cmake
        DESTINATION ${package})
