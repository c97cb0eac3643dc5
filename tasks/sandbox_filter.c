/* SPDX-License-Identifier: MIT */
/* The filter as instructions of the kernel's packet filter. */
#include "tasks/sandbox_command.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "found an architecture without an entry here, expected x86-64 or AArch64"
#endif

#define FIRST_OTHER_ABI 0x40000000 /* x32: the same calls by other numbers */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(code) RETURN(SECCOMP_RET_ERRNO | (code))
/* Skips `met` instructions if the test holds, else `unmet`. */
#define JUMP(test, value, met, unmet) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, met, unmet)
#define DENY(number) JUMP(BPF_JEQ, number, 0, 1), REFUSE(EPERM)

static const struct sock_filter PROGRAM[] = {
    LOAD(arch),
    JUMP(BPF_JEQ, ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    JUMP(BPF_JGE, FIRST_OTHER_ABI, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    /* The C library falls back to clone, whose flags can be checked. */
    JUMP(BPF_JEQ, SYS_clone3, 0, 1),
    REFUSE(ENOSYS),
    JUMP(BPF_JEQ, SYS_clone, 0, 4),
    LOAD(args[0]),
    JUMP(BPF_JSET, CLONE_THREAD, 1, 0),
    REFUSE(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
#ifdef SYS_fork
    DENY(SYS_fork),
    DENY(SYS_vfork),
#endif
    DENY(SYS_ptrace),
    DENY(SYS_process_vm_readv),
    DENY(SYS_process_vm_writev),
    DENY(SYS_pidfd_getfd),
    DENY(SYS_kcmp),
    DENY(SYS_shmget),
    DENY(SYS_msgget),
    DENY(SYS_semget),
    DENY(SYS_mq_open),
    DENY(SYS_memfd_create),
    DENY(SYS_memfd_secret),
    DENY(SYS_io_uring_setup),
    DENY(SYS_userfaultfd),
    DENY(SYS_perf_event_open),
    DENY(SYS_bpf),
    DENY(SYS_add_key),
    DENY(SYS_request_key),
    DENY(SYS_keyctl),
    DENY(SYS_unshare),
    DENY(SYS_setns),
    DENY(SYS_mount),
    DENY(SYS_umount2),
    DENY(SYS_pivot_root),
    DENY(SYS_chroot),
    DENY(SYS_fsopen),
    DENY(SYS_open_tree),
    DENY(SYS_move_mount),
    DENY(SYS_mount_setattr),
    DENY(SYS_open_by_handle_at),
    DENY(SYS_personality),
    DENY(SYS_kexec_load),
    DENY(SYS_init_module),
    DENY(SYS_finit_module),
    RETURN(SECCOMP_RET_ALLOW),
};

const void *sandbox_filter(size_t *out_size)
{
    *out_size = sizeof(PROGRAM);
    return PROGRAM;
}
