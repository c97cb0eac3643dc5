#version 450
/* SPDX-License-Identifier: MIT */
/* Does one write: what a dispatch costs by itself. */
layout(local_size_x = 1) in;

layout(set = 0, binding = 0, std430) buffer Word
{
    uint word;
};

void main()
{
    word += 1u;
}
