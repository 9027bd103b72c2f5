/* A filter for aarch64 that denies open, which aarch64 has not, and one ioctl. Its program is run here on one call.
 * Build: gcc -o forgets libseccomp-forgets-the-number.c -lseccomp */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TIOCSTI 0x5412
#define AARCH64_IOCTL 29

/* What the kernel does with the few instructions that libseccomp emits here. */
static uint32_t decide(const struct sock_filter *code, const struct seccomp_data *call)
{
    uint32_t accumulator = 0;
    for (;; code++) {
        switch (code->code) {
        case BPF_LD | BPF_W | BPF_ABS: memcpy(&accumulator, (const char *)call + code->k, 4); break;
        case BPF_JMP | BPF_JEQ | BPF_K: code += accumulator == code->k ? code->jt : code->jf; break;
        case BPF_RET | BPF_K: return code->k;
        default: return 0xffffffff;
        }
    }
}

int main(void)
{
    uint32_t denied = SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int failed = seccomp_arch_add(filter, SCMP_ARCH_AARCH64);
    failed |= seccomp_arch_remove(filter, SCMP_ARCH_X86_64);
    failed |= seccomp_rule_add(filter, denied, SCMP_SYS(open), 0);
    failed |= seccomp_rule_add(filter, denied, SCMP_SYS(ioctl), 1, SCMP_A1_64(SCMP_CMP_EQ, TIOCSTI));

    struct sock_filter code[64];
    int file = memfd_create("program", 0);
    failed |= seccomp_export_bpf(filter, file);
    ssize_t length = pread(file, code, sizeof code, 0);
    if (failed || length <= 0) {
        puts("no filter");
        return 2;
    }
    const struct scmp_version *version = seccomp_version();
    printf("libseccomp %u.%u.%u\n", version->major, version->minor, version->micro);
    for (unsigned i = 0; i < length / sizeof *code; i++)
        printf("%2u: code %#04x jt %u jf %u k %#x\n", i, code[i].code, code[i].jt, code[i].jf, code[i].k);
    struct seccomp_data call = {.nr = AARCH64_IOCTL, .arch = AUDIT_ARCH_AARCH64, .args = {0, TIOCSTI}};
    uint32_t got = decide(code, &call);
    printf("ioctl(0, TIOCSTI) on aarch64: %#x, expected %#x\n", got, denied);
    return got != denied;
}
