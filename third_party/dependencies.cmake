# How each dependency is found. All are Debian 12 packages; setup.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)

pkg_check_modules(cjson REQUIRED IMPORTED_TARGET libcjson)
add_library(third_party::cjson ALIAS PkgConfig::cjson)
pkg_check_modules(libmd REQUIRED IMPORTED_TARGET libmd)
add_library(third_party::libmd ALIAS PkgConfig::libmd)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
add_library(third_party::pcre2 ALIAS PkgConfig::pcre2)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
add_library(third_party::sqlite ALIAS PkgConfig::sqlite)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
add_library(third_party::libzip ALIAS PkgConfig::libzip)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
add_library(third_party::cmocka ALIAS PkgConfig::cmocka)
add_library(third_party::openmp ALIAS OpenMP::OpenMP_C)

# volk is one C file; Vulkan itself is loaded at run time.
find_file(VOLK_SOURCE volk.c PATHS /usr/include REQUIRED)
add_library(third_party_volk STATIC ${VOLK_SOURCE})
target_compile_options(third_party_volk PRIVATE -w)
target_link_libraries(third_party_volk PUBLIC ${CMAKE_DL_LIBS})
add_library(third_party::volk ALIAS third_party_volk)

find_program(GLSLC glslc REQUIRED)
find_program(SPIRV_OPT spirv-opt REQUIRED)
find_program(SPIRV_VAL spirv-val REQUIRED)
