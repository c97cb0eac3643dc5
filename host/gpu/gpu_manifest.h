/* SPDX-License-Identifier: MIT */
/* The manifests by which the Vulkan loader finds drivers: JSON files named by VK_DRIVER_FILES, or
 * in folders that the loader knows. */
#ifndef VKFI_GPU_GPU_MANIFEST_H
#define VKFI_GPU_GPU_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

/* Path of manifest i of a list with ':' between paths; false: there are fewer, or it is too long.
 */
bool gpu_manifest_path(const char *driver_files, size_t i, char *out, size_t size);

/* What is wrong with the first malformed manifest, after its path; false: all are well-formed.
 * driver_files null: those of the loader's folders. Logs what it finds: for the child process that
 * lists devices, whose log is not shown. */
bool gpu_manifest_broken(const char *driver_files, char *out, size_t size);

#endif
