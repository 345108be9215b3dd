# LibTorch behind one target, scoresde::torch, so that its flags and defines reach nobody else.
# Debian: libtorch-dev. Elsewhere: unpack a LibTorch (1.13 to 2.x) and pass -DCMAKE_PREFIX_PATH=/path/to/libtorch.
find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch was not found. On Debian: apt-get install libtorch-dev. Elsewhere: unpack LibTorch "
                      "(any from 1.13 to 2.x, the cxx11-ABI build) and configure with "
                      "-DCMAKE_PREFIX_PATH=/path/to/libtorch")
endif()
if(Torch_VERSION VERSION_LESS 1.13)
  message(FATAL_ERROR "LibTorch ${Torch_VERSION} is too old: 1.13 to 2.x are supported")
endif()
add_library(scoresde_torch_headers INTERFACE)
add_library(scoresde::torch ALIAS scoresde_torch_headers)
target_include_directories(scoresde_torch_headers SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(scoresde_torch_headers INTERFACE ${TORCH_LIBRARIES})
if(TORCH_CXX_FLAGS)
  separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(scoresde_torch_headers INTERFACE ${torch_flags})
endif()
