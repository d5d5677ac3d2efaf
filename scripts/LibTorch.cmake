# Finds LibTorch and defines the target LibTorch, without find_package(Torch): that demands a CUDA toolkit as soon as
# the LibTorch was built with CUDA, and we compile no CUDA. Looked for in Torch_DIR and in each of CMAKE_PREFIX_PATH
# (variables of CMake or of the environment): an unpacked libtorch, a site-packages folder or what encloses one.
# An older one than these is refused; a newer one may work. scripts/setup.sh reads both.
set(libtorch_oldest 2.11)
set(libtorch_newest 2.14)

function(find_libtorch_root result)
  set(prefixes ${Torch_DIR} $ENV{Torch_DIR} ${CMAKE_PREFIX_PATH})
  string(REPLACE ":" ";" from_environment "$ENV{CMAKE_PREFIX_PATH}")
  list(APPEND prefixes ${from_environment})
  list(REMOVE_DUPLICATES prefixes)
  foreach(prefix ${prefixes})
    file(GLOB site_packages ${prefix}/lib/python3*/site-packages/torch)
    # The last three: share/cmake/Torch, share/cmake/ (as torch.utils.cmake_prefix_path says) and share/.
    foreach(root ${prefix} ${prefix}/torch ${prefix}/libtorch ${site_packages} ${prefix}/../../.. ${prefix}/../..)
      if(EXISTS ${root}/include/torch/headeronly/version.h)
        get_filename_component(root ${root} REALPATH)
        set(${result} ${root} PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
  list(JOIN prefixes ", " prefixes)
  message(FATAL_ERROR "No LibTorch in Torch_DIR or CMAKE_PREFIX_PATH (looked in: ${prefixes}). Give a folder in which "
                      "include/torch/headeronly/version.h exists, or unset both and let scripts/run fetch one.")
endfunction()

function(read_libtorch_version root result)
  file(STRINGS ${root}/include/torch/headeronly/version.h lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^;]* ([0-9]+)" "\\1" version "${lines}")
  string(REPLACE ";" "." version "${version}")
  string(REGEX REPLACE "^([0-9]+\\.[0-9]+).*" "\\1" series "${version}")
  if(series VERSION_LESS libtorch_oldest)
    message(FATAL_ERROR "The LibTorch in ${root} is version ${version}; Diffeo needs ${libtorch_oldest} or newer.")
  elseif(series VERSION_GREATER libtorch_newest)
    message(WARNING "The LibTorch in ${root} is version ${version}; Diffeo is made for ${libtorch_oldest} to "
                    "${libtorch_newest}. If it does not build, unset CMAKE_PREFIX_PATH and Torch_DIR.")
  endif()
  set(${result} ${version} PARENT_SCOPE)
endfunction()

find_libtorch_root(libtorch_root)
read_libtorch_version(${libtorch_root} libtorch_version)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${libtorch_root}/include/torch/headeronly/version.h)

set(libtorch_names torch torch_cpu c10)
set(libtorch_kind CPU)
if(EXISTS ${libtorch_root}/lib/libtorch_cuda.so)
  list(APPEND libtorch_names torch_cuda c10_cuda)
  set(libtorch_kind CUDA)
endif()
foreach(name ${libtorch_names})
  set(file ${libtorch_root}/lib/lib${name}.so)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "The LibTorch in ${libtorch_root} is incomplete: ${file} is missing.")
  endif()
  list(APPEND libtorch_files ${file})
endforeach()
message(STATUS "LibTorch ${libtorch_version}, ${libtorch_kind}: ${libtorch_root}")

add_library(LibTorch INTERFACE)
target_include_directories(LibTorch SYSTEM INTERFACE ${libtorch_root}/include
                                                     ${libtorch_root}/include/torch/csrc/api/include)
# As in LibTorch's own CMake files: some classes have members only then.
target_compile_definitions(LibTorch INTERFACE USE_DISTRIBUTED)
# Nothing calls into libtorch_cuda: it registers its kernels when it is loaded, so the linker must not drop it. What
# CUDA's own libraries leave undefined is found through the runpath of LibTorch's files.
list(JOIN libtorch_files "," libtorch_link)
target_link_libraries(LibTorch INTERFACE "-Wl,--no-as-needed,${libtorch_link},--as-needed")
target_link_options(LibTorch INTERFACE -Wl,-rpath,${libtorch_root}/lib)
