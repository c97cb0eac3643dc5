# What the program and other programs are built on: vkfi_lib, and libvkfi.so with its files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

vkfi_folder(lib host/lib vkfi_campaign vkfi_mitigations vkfi_cpu vkfi_vk vkfi_probe
            third_party::threads)
target_compile_definitions(vkfi_lib PRIVATE VKFI_VERSION="${PROJECT_VERSION}")

if(VKFI_SANITIZE OR VKFI_FUZZ) # what they add is for programs
  return()
endif()

# Exports what vkfi.h declares, under the version that brought it (vkfi.map).
set(VKFI_MAP ${CMAKE_CURRENT_LIST_DIR}/shared/vkfi.map)
add_library(vkfi_shared SHARED host/lib/shared/quiet.c)
target_link_libraries(vkfi_shared PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,vkfi_lib>)
target_include_directories(vkfi_shared INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}>
                                                 $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_options(vkfi_shared PRIVATE -Wl,--version-script=${VKFI_MAP} -Wl,--as-needed
                                        -Wl,--gc-sections -Wl,--no-undefined)
set_target_properties(vkfi_shared PROPERTIES OUTPUT_NAME vkfi EXPORT_NAME vkfi
                                             VERSION ${PROJECT_VERSION} SOVERSION 0
                                             LINK_DEPENDS ${VKFI_MAP})

configure_file(${CMAKE_CURRENT_LIST_DIR}/shared/vkfi.pc.in vkfi.pc @ONLY)
write_basic_package_version_file(vkfi-config-version.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS vkfi_shared EXPORT vkfi)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/vkfi.h TYPE INCLUDE)
install(FILES ${CMAKE_BINARY_DIR}/vkfi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(EXPORT vkfi NAMESPACE vkfi:: FILE vkfi-config.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vkfi)
install(FILES ${CMAKE_BINARY_DIR}/vkfi-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vkfi)
install(FILES ${PROJECT_SOURCE_DIR}/tests/lib/example.c ${PROJECT_SOURCE_DIR}/tests/lib/example.py
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
