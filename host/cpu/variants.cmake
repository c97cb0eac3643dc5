# One kernel source (simd/), compiled per instruction set with its own symbol prefix.
#
# -mno-fma where possible; AVX-512F has its own fused form, which -ffp-contract=off keeps out. A
# test checks the objects. -fno-tree-ter (GCC): expressions stay where they are written, which keeps
# accumulators in registers. -fno-trapping-math: selects around float operations may become masks;
# no result depends on it.
target_compile_definitions(vkfi_cpu PRIVATE VKFI_VERSION="${PROJECT_VERSION}")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  target_compile_definitions(vkfi_cpu PUBLIC VKFI_CPU_SIMD)
  set(VKFI_CPU_FLAGS_avx2 -mavx2 -mf16c -mno-fma)
  set(VKFI_CPU_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  set(VKFI_CPU_OPTIMISE -O3)
  if(VKFI_SANITIZE)
    # Checks of every pointer in unrolled tiles take GCC minutes per file; addresses stay checked.
    set(VKFI_CPU_OPTIMISE -O1 -fno-sanitize=null,alignment,object-size)
  endif()
  file(GLOB simd_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/simd/*.c)
  foreach(set avx2 avx512)
    add_library(vkfi_cpu_${set} OBJECT ${simd_sources})
    target_compile_definitions(vkfi_cpu_${set} PRIVATE VKFI_CPU_SIMD)
    target_compile_options(vkfi_cpu_${set} PRIVATE ${VKFI_CPU_OPTIMISE} $<$<C_COMPILER_ID:GNU>:-fno-tree-ter>
                                                   -fno-trapping-math ${VKFI_CPU_FLAGS_${set}})
    target_include_directories(
      vkfi_cpu_${set} PRIVATE ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}
                              ${PROJECT_SOURCE_DIR}/shaders)
    target_sources(vkfi_cpu PRIVATE $<TARGET_OBJECTS:vkfi_cpu_${set}>)
  endforeach()
endif()
