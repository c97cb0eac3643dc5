#version 460
/* SPDX-License-Identifier: MIT */
/* A kernel with all that the check of exact kernels must see: a fused multiply-add, an addition
 * that may be reassociated, and an array in memory. */
layout(local_size_x = 64) in;
layout(std430, binding = 0) buffer registers_buffer
{
    float registers[];
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
    float array[200];
    for (uint k = 0u; k < 200u; k++)
        array[k] = registers[i + 64u * k];
    float sum = fma(registers[i + 64u], registers[i + 128u], registers[i]);
    for (uint k = 0u; k < 200u; k++)
        sum = sum + array[(k * i) % 200u];
    registers[i] = sum;
}
