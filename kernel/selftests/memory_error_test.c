// SPDX-License-Identifier: GPL-2.0
/* A guest's page in sealed memory gets a memory error. */
#define _GNU_SOURCE
#include <sys/mount.h>

#include "small_vm.h"

#define DEBUGFS		"/sys/kernel/debug"
#define INJECT		DEBUGFS "/hwpoison/corrupt-pfn"
#define GROUP		"/tmp/selftest-errors"
#define NO_PAGE		(-1L)

/* From linux/kernel-page-flags.h */
#define FLAG_LRU	5
#define FLAG_UNEVICTABLE 18

/*
 * The page frame of the only unevictable page of this process's memory cgroup:
 * sealed memory has no address to look it up by.
 */
static long find_page(ino_t group)
{
	int groups = open("/proc/kpagecgroup", O_RDONLY | O_CLOEXEC);
	int flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	long found = NO_PAGE;
	uint64_t owner;

	if (groups < 0 || flags < 0)
		return NO_PAGE;
	for (long pfn = 0; pread(groups, &owner, 8, pfn * 8) == 8; pfn++) {
		uint64_t bits;

		if (owner == group && pread(flags, &bits, 8, pfn * 8) == 8 &&
		    bits & 1ULL << FLAG_UNEVICTABLE)
			found = pfn;
	}
	close(groups);
	close(flags);
	return found;
}

/* The inode number of a new memory cgroup that this process is in, or 0. */
static ino_t enter_group(void)
{
	struct stat status;
	char pid[32];

	mkdir("/tmp", 0755);
	mkdir(GROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (mount("cgroup2", GROUP, "cgroup2", 0, NULL) != 0 ||
	    !write_file(GROUP "/cgroup.subtree_control", "+memory") ||
	    (mkdir(GROUP "/errors", 0755) != 0 && errno != EEXIST) ||
	    !write_file(GROUP "/errors/cgroup.procs", pid) ||
	    stat(GROUP "/errors", &status) != 0)
		return 0;
	return status.st_ino;
}

static void leave_group(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file(GROUP "/cgroup.procs", pid);
	rmdir(GROUP "/errors");
	umount2(GROUP, MNT_DETACH);
	rmdir(GROUP);
}

static void test_error(int type, ino_t group)
{
	struct small_vm vm;
	char text[32];
	long pfn;
	int memfd;

	if (!vm_type_exists(type)) {
		tap_skip("this kernel has no such type", "%s", vm_type_name(type));
		return;
	}
	tap_note("%s", vm_type_name(type));
	vm = vm_make_sealed(type, &memfd);
	vm_store(&vm, 0, 0x1234);
	/* Onto the list of unevictable pages. */
	write_file("/proc/sys/vm/compact_memory", "1");
	pfn = find_page(group);
	if (pfn == NO_PAGE) {
		tap_skip("the page was not found", "memory error");
	} else {
		snprintf(text, sizeof(text), "%ld", pfn);
		tap_check(write_file(INJECT, text), "an error in page %ld", pfn);
		vm_check_fault(&vm, 0, EHWPOISON, "access to it");
		tap_check(vm_store(&vm, PAGE, 1) && vm_load(&vm, PAGE) == 1, "other pages work");
		tap_must(punch(memfd, 0, PAGE), "hole");
		tap_check(vm_load(&vm, 0) == 0, "after a hole there is a new page");
	}
	vm_end(&vm);
	close(memfd);
}

int main(void)
{
	ino_t group;

	if (access(INJECT, W_OK) != 0)
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	if (access(INJECT, W_OK) != 0) {
		tap_skip("no CONFIG_HWPOISON_INJECT", "memory errors");
		return tap_finish();
	}
	group = enter_group();
	if (!group) {
		tap_skip("no memory cgroups", "memory errors");
	} else {
		test_error(VM_DEFAULT, group);
		test_error(VM_SW_PROTECTED, group);
	}
	leave_group();
	return tap_finish();
}
