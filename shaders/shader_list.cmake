# Variants of the kernels: weight types and columns at once are spelled out, storage types and
# workgroup shapes are specialization constants.
set(VKFI_WEIGHT_TYPES f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs mxfp4)

foreach(type ${VKFI_WEIGHT_TYPES})
  string(TOUPPER TYPE_${type} define)
  vkfi_shader(embed VARIANT ${type} DEFINES ${define})
  foreach(cols 1 2 4)
    vkfi_shader(linear VARIANT ${type}_${cols} DEFINES ${define} COLS=${cols})
  endforeach()
  foreach(shape 1 2 4)
    set(tiles 1) # every first run pays for compiling a single column
    if(shape EQUAL 4)
      set(tiles 2)
    endif()
    vkfi_shader(linear VARIANT ${type}_${shape}_texel
                DEFINES ${define} COLS=${shape} TILES=${tiles} VKFI_TEXEL)
  endforeach()
endforeach()
foreach(texel "" TEXEL)
  set(end "")
  set(read "")
  if(texel)
    set(end _texel)
    set(read VKFI_TEXEL)
  endif()
  vkfi_shader(norm VARIANT layer${end} DEFINES NORM_LAYER ${read})
  vkfi_shader(gate VARIANT alone${end} DEFINES GATE_ALONE ${read})
endforeach()
foreach(op norm rope store scores softmax heads gate add logits features guard stored_sums
           kv_sums weight_sums guard_abft fused_rope
           fused_attention)
  vkfi_shader(${op})
  vkfi_shader(${op} VARIANT texel DEFINES VKFI_TEXEL)
endforeach()
