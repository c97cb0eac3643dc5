/* SPDX-License-Identifier: MIT */
/* Operations that the probe runs, named for its shader and for the host. C and GLSL. */
#ifndef VKFI_SHARED_PROBE_OPS_H
#define VKFI_SHARED_PROBE_OPS_H

#define PROBE_OP_ADD 0u      /* a + b */
#define PROBE_OP_SUB 1u      /* a - b */
#define PROBE_OP_MUL 2u      /* a * b */
#define PROBE_OP_MUL_ADD 3u  /* a * b + c */
#define PROBE_OP_MUL_SUB 4u  /* a * b - c */
#define PROBE_OP_SUB_MUL 5u  /* c - a * b */
#define PROBE_OP_ADD_ADD 6u  /* (a + b) + c */
#define PROBE_OP_IDENTITY 7u /* -0.0 + a, the -0.0 a literal */
#define PROBE_OP_CHAIN 8u    /* (-0.0 + a * b) + c, likewise */
#define PROBE_OP_FROM_INT 9u /* float(int(a)) */
#define PROBE_OP_FROM_UINT 10u

#endif
