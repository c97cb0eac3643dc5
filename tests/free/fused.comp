#version 460
/* SPDX-License-Identifier: MIT */
/* A kernel with a fused multiply-add, which the check of exact kernels must see. */
layout(local_size_x = 64) in;
layout(std430, binding = 0) buffer registers_buffer
{
    float registers[];
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
    registers[i] = fma(registers[i + 64u], registers[i + 128u], registers[i]);
}
