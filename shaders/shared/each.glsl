/* SPDX-License-Identifier: MIT */
/* A statement for each index 0, 1, ..., which is a constant in it: written out. An array that a
 * loop indexes lies in memory on drivers that do not unroll the loop. */
#ifndef VKFI_SHARED_EACH_GLSL
#define VKFI_SHARED_EACH_GLSL

#define EACH_ONE(i, n, work)                                                                       \
    {                                                                                              \
        const uint i = n;                                                                          \
        work;                                                                                      \
    }
#define EACH_OF_1(i, work) EACH_ONE(i, 0u, work)
#define EACH_OF_2(i, work)                                                                         \
    {                                                                                              \
        EACH_ONE(i, 0u, work)                                                                      \
        EACH_ONE(i, 1u, work)                                                                      \
    }
#define EACH_OF_4(i, work)                                                                         \
    {                                                                                              \
        EACH_OF_2(i, work)                                                                         \
        EACH_ONE(i, 2u, work)                                                                      \
        EACH_ONE(i, 3u, work)                                                                      \
    }
#define EACH_OF_8(i, work)                                                                         \
    {                                                                                              \
        EACH_OF_4(i, work)                                                                         \
        EACH_ONE(i, 4u, work)                                                                      \
        EACH_ONE(i, 5u, work)                                                                      \
        EACH_ONE(i, 6u, work)                                                                      \
        EACH_ONE(i, 7u, work)                                                                      \
    }

#endif
