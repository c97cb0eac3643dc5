# A file of the tree as a C text, made at build: included by CMakeLists.txt, then run by itself.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  file(WRITE ${OUTPUT} "extern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {${bytes}0};\n")
  return()
endif()

set(VKFI_EMBED ${CMAKE_CURRENT_LIST_FILE})
# vkfi_embed(target file symbol): the target defines `const char symbol[]`, ended by a null.
function(vkfi_embed target file symbol)
  set(output ${PROJECT_BINARY_DIR}/embedded/${symbol}.c)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${PROJECT_SOURCE_DIR}/${file} -DOUTPUT=${output}
            -DSYMBOL=${symbol} -P ${VKFI_EMBED}
    DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${VKFI_EMBED}
    COMMENT "Embed ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
