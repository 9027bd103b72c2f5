/* Writes the BPF that libseccomp makes of a profile, fed the way runc feeds it. One word a line on standard input:
 *   default ACTION | optimize LEVEL | arch TOKEN | rule ACTION NAME COUNT {INDEX OPERATOR VALUE VALUE_TWO}... */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static scmp_filter_ctx filter;

static void check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(3);
	}
}

static void rule(void)
{
	unsigned action, count, index, operator;
	unsigned long long one, two;
	char name[64];
	struct scmp_arg_cmp conditions[16];
	if (scanf("%u %63s %u", &action, name, &count) != 3 || count > 16)
		exit(2);
	for (unsigned i = 0; i < count; i++) {
		if (scanf("%u %u %llu %llu", &index, &operator, &one, &two) != 4)
			exit(2);
		conditions[i] = (struct scmp_arg_cmp){ index, operator, one, two };
	}
	int number = seccomp_syscall_resolve_name(name);
	if (number != __NR_SCMP_ERROR)
		check(seccomp_rule_add_array(filter, action, number, count, conditions), name);
}

int main(void)
{
	char word[16];
	unsigned value;
	while (scanf("%15s", word) == 1) {
		if (strcmp(word, "rule") == 0) {
			rule();
			continue;
		}
		if (scanf("%u", &value) != 1)
			return 2;
		if (strcmp(word, "default") == 0 && !(filter = seccomp_init(value)))
			return 2;
		if (strcmp(word, "optimize") == 0)
			check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, value), word);
		if (strcmp(word, "arch") == 0 && seccomp_arch_exist(filter, value) != 0)
			check(seccomp_arch_add(filter, value), word);
	}
	check(seccomp_export_bpf(filter, STDOUT_FILENO), "export");
	return 0;
}
