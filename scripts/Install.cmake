# What `cmake --install` puts where: the program and the shipped configurations, which it finds beside itself, and a CMake
# package with the library (find_package(diffeo), diffeo::core). Both take LibTorch from where it was at the build.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(diffeo PROPERTIES INSTALL_RPATH ${libtorch_root}/lib)
set_target_properties(diffeo_core PROPERTIES EXPORT_NAME core)

install(TARGETS diffeo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS diffeo_core EXPORT diffeo ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/diffeo/configs)
install(DIRECTORY src/ DESTINATION include/diffeo FILES_MATCHING PATTERN *.h)
install(FILES scripts/diffeo.py DESTINATION ${CMAKE_INSTALL_DATADIR}/diffeo)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/diffeo)
install(EXPORT diffeo NAMESPACE diffeo:: FILE targets.cmake DESTINATION ${package})
# LibTorch is written here and not exported: CMake exports no path inside the source tree, and scripts/run keeps LibTorch
# there.
string(CONCAT config "set(CMAKE_CXX_STANDARD 20)\n"
                     "include(CMakeFindDependencyMacro)\n"
                     "foreach(package Threads CLI11 spdlog yaml-cpp nlohmann_json PNG JPEG ZLIB)\n"
                     "  find_dependency(\${package})\n"
                     "endforeach()\n"
                     "if(NOT TARGET diffeo::LibTorch)\n"
                     "  add_library(diffeo::LibTorch INTERFACE IMPORTED)\n")
foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS LINK_LIBRARIES LINK_OPTIONS)
  get_target_property(value LibTorch INTERFACE_${property})
  string(APPEND config "  set_property(TARGET diffeo::LibTorch PROPERTY INTERFACE_${property} \"${value}\")\n")
endforeach()
string(APPEND config "endif()\n"
                      "include(\${CMAKE_CURRENT_LIST_DIR}/targets.cmake)\n")
file(WRITE ${PROJECT_BINARY_DIR}/diffeo-config.cmake "${config}")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/diffeo-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/diffeo-config.cmake ${PROJECT_BINARY_DIR}/diffeo-config-version.cmake
        DESTINATION ${package})
