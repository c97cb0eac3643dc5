# The build step of NUMERICS.md 2. Every shaders/*.comp becomes words in the library vkfi_shaders, once
# per variant listed in shader_list.cmake, or once if none is; the generated "shader_table.h"
# declares `shader_<name>` for each and shader_find(name). Target vkfi_shaders_hook_free, for tests,
# makes the same without hooks beside it:
#   <build>/shaders/<name>.spv   <build>/shaders/hook_free/<name>.spv
#
#   glslc -O0 -> decorate (NoContraction) -> spirv-opt -> check -> strip names -> spirv-val -> embed
set(VKFI_SHADER_DIR ${PROJECT_BINARY_DIR}/shaders)
file(MAKE_DIRECTORY ${VKFI_SHADER_DIR}/hook_free)

add_executable(spirv_exact host/gpu/tool/spirv_exact_main.c host/gpu/spirv.c host/gpu/spirv_exact.c
                           host/gpu/spirv_ids.c host/gpu/spirv_same.c)
target_include_directories(spirv_exact PRIVATE ${PROJECT_SOURCE_DIR}/host)
target_link_libraries(spirv_exact PRIVATE vkfi_base)
# Shaders depend on a copy that is renewed only if its bytes change: a change in vkfi_base that the
# tool does not use links it anew and builds no shader.
set(VKFI_SPIRV_EXACT ${VKFI_SHADER_DIR}/spirv_exact)
add_custom_command(
  OUTPUT ${VKFI_SPIRV_EXACT}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different $<TARGET_FILE:spirv_exact> ${VKFI_SPIRV_EXACT}
  DEPENDS spirv_exact
  VERBATIM)

# Makes `output` from `source`; `exact` is "exact" or "native".
function(vkfi_spirv output source exact)
  set(base ${output})
  cmake_path(REMOVE_EXTENSION base LAST_ONLY)
  cmake_path(RELATIVE_PATH base BASE_DIRECTORY ${VKFI_SHADER_DIR} OUTPUT_VARIABLE title)
  set(compile ${GLSLC} -O0 -g --target-env=vulkan1.2 -DVKFI_GLSL -I${PROJECT_SOURCE_DIR}/shaders
              -MD -MF ${base}.d -MT ${output} ${ARGN} -o ${base}.raw.spv ${source})
  if(exact STREQUAL "exact")
    set(decorate ${VKFI_SPIRV_EXACT} decorate ${base}.raw.spv ${base}.raw.spv)
    set(check ${VKFI_SPIRV_EXACT} check ${base}.opt.spv)
  else()
    set(decorate ${CMAKE_COMMAND} -E true)
    set(check ${CMAKE_COMMAND} -E true)
  endif()
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${compile}
    COMMAND ${decorate}
    COMMAND ${SPIRV_OPT} --target-env=vulkan1.2 --preserve-bindings --preserve-spec-constants -O
            --compact-ids ${base}.raw.spv -o ${base}.opt.spv
    COMMAND ${check}
    COMMAND ${SPIRV_OPT} --strip-debug --compact-ids ${base}.opt.spv -o ${output}
    COMMAND ${SPIRV_VAL} --target-env vulkan1.2 ${output}
    DEPENDS ${source} ${VKFI_SPIRV_EXACT}
    DEPFILE ${base}.d
    COMMENT "Shader ${title}"
    VERBATIM)
endfunction()

# vkfi_shader(file [VARIANT name] [NATIVE] [DEFINES A=1 B ...]): one build of shaders/<file>.comp.
# NATIVE omits decoration and check.
function(vkfi_shader file)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NATIVE" "VARIANT" "DEFINES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vkfi_shader(${file}): unknown word ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(name ${file})
  if(arg_VARIANT)
    string(APPEND name _${arg_VARIANT})
  endif()
  list(TRANSFORM arg_DEFINES PREPEND -D)
  set(exact exact)
  if(arg_NATIVE)
    set(exact native)
  endif()
  set(source ${PROJECT_SOURCE_DIR}/shaders/${file}.comp)
  vkfi_spirv(${VKFI_SHADER_DIR}/${name}.spv ${source} ${exact} ${arg_DEFINES})
  vkfi_spirv(${VKFI_SHADER_DIR}/hook_free/${name}.spv ${source} ${exact} ${arg_DEFINES}
             -DVKFI_HOOK_FREE)
  add_custom_command(
    OUTPUT ${VKFI_SHADER_DIR}/${name}.c
    COMMAND ${VKFI_SPIRV_EXACT} embed ${name} ${exact} ${VKFI_SHADER_DIR}/${name}.spv
            ${VKFI_SHADER_DIR}/${name}.c
    DEPENDS ${VKFI_SHADER_DIR}/${name}.spv ${VKFI_SPIRV_EXACT}
    COMMENT "Embed ${name}"
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY VKFI_SHADER_NAMES ${name})
  set_property(GLOBAL APPEND PROPERTY VKFI_SHADER_FILES ${file})
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/shader_list.cmake OPTIONAL)
file(GLOB vkfi_comps CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/shaders/*.comp)
get_property(vkfi_listed GLOBAL PROPERTY VKFI_SHADER_FILES)
foreach(comp ${vkfi_comps})
  get_filename_component(stem ${comp} NAME_WE)
  if(NOT stem IN_LIST vkfi_listed)
    vkfi_shader(${stem})
  endif()
endforeach()

get_property(vkfi_names GLOBAL PROPERTY VKFI_SHADER_NAMES)
set(VKFI_TABLE_EXTERNS "")
set(VKFI_TABLE_ROWS "")
set(vkfi_sources ${VKFI_SHADER_DIR}/shader_table.c)
set(vkfi_hook_free "")
foreach(name ${vkfi_names})
  string(APPEND VKFI_TABLE_EXTERNS "extern const struct shader_code shader_${name};\n")
  string(APPEND VKFI_TABLE_ROWS "    &shader_${name},\n")
  list(APPEND vkfi_sources ${VKFI_SHADER_DIR}/${name}.c)
  list(APPEND vkfi_hook_free ${VKFI_SHADER_DIR}/hook_free/${name}.spv)
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/shader_table.h.in ${VKFI_SHADER_DIR}/shader_table.h @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/shader_table.c.in ${VKFI_SHADER_DIR}/shader_table.c @ONLY)

add_library(vkfi_shaders STATIC ${vkfi_sources})
target_include_directories(vkfi_shaders PUBLIC ${VKFI_SHADER_DIR} ${PROJECT_SOURCE_DIR}/host
                                               ${PROJECT_SOURCE_DIR}/shaders)
# The files for tests.
target_compile_definitions(vkfi_shaders INTERFACE VKFI_SHADER_DIR="${VKFI_SHADER_DIR}")
add_custom_target(vkfi_shaders_hook_free DEPENDS ${vkfi_hook_free})
