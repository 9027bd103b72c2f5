/* Two rules for lseek, each with one 64-bit comparison of the offset. A child makes one call under the filter, which the
 * kernel runs. Build: gcc -o wrong-half libseccomp-compares-the-wrong-half.c -lseccomp */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct filter {
    const char *text;
    uint32_t otherwise, action;
    enum scmp_compare second;
    uint64_t value;
    int expected;
};

/* 0: the call was made; 1: EPERM. A call on descriptor -1 that is made fails with EBADF and changes nothing. */
static int call(const struct filter *it, uint64_t offset)
{
    pid_t child = fork();
    if (child == 0) {
        scmp_filter_ctx filter = seccomp_init(it->otherwise);
        int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0) && it->otherwise != SCMP_ACT_ALLOW;
        failed |= seccomp_rule_add(filter, it->action, SCMP_SYS(lseek), 1, SCMP_A1_64(SCMP_CMP_LT, 0x10));
        failed |= seccomp_rule_add(filter, it->action, SCMP_SYS(lseek), 1, SCMP_A1_64(it->second, it->value));
        if (failed || seccomp_load(filter))
            _exit(2);
        syscall(SYS_lseek, -1, offset, 0);
        _exit(errno == EPERM);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

int main(void)
{
    const struct filter filters[] = {
        {"EPERM; allow if offset < 0x10; allow if offset >= 0x100000020", SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW,
         SCMP_CMP_GE, 0x100000020, 1},
        {"allow; EPERM if offset < 0x10; EPERM if offset < 0x100000020", SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM),
         SCMP_CMP_LT, 0x100000020, 1},
    };
    const struct scmp_version *version = seccomp_version();
    int wrong = 0;
    printf("libseccomp %u.%u.%u\n", version->major, version->minor, version->micro);
    for (unsigned i = 0; i < 2; i++) {
        int got = call(&filters[i], 0x15);
        const char *words[] = {"allowed", "EPERM", "no filter", "died"};
        printf("%s\n  lseek(-1, 0x15): %s, expected %s\n", filters[i].text, words[got], words[filters[i].expected]);
        wrong += got < 2 && got != filters[i].expected;
    }
    return wrong ? 1 : 0;
}
