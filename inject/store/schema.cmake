# inject/schema.sql as a C text, made at build: included by CMakeLists.txt, then run by itself.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  file(WRITE ${OUTPUT} "extern const char store_schema[];\nconst char store_schema[] = {${bytes}0};\n")
  return()
endif()

set(VKFI_SCHEMA_C ${PROJECT_BINARY_DIR}/store_schema.c)
add_custom_command(
  OUTPUT ${VKFI_SCHEMA_C}
  COMMAND ${CMAKE_COMMAND} -DINPUT=${PROJECT_SOURCE_DIR}/inject/schema.sql
          -DOUTPUT=${VKFI_SCHEMA_C} -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS ${PROJECT_SOURCE_DIR}/inject/schema.sql ${CMAKE_CURRENT_LIST_FILE}
  COMMENT "Embed schema.sql"
  VERBATIM)
target_sources(vkfi_store PRIVATE ${VKFI_SCHEMA_C})
