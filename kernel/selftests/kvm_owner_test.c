// SPDX-License-Identifier: GPL-2.0
/* Whose a sealed memfd is, and what lives how long. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <sys/wait.h>

#include "small_vm.h"

#define SECRET	0x5ec7e7

/* What a VM of another process gets. */
static int bind_elsewhere(int memfd, int type)
{
	pid_t child = tap_must(fork(), "fork");
	int status;

	if (child == 0) {
		struct small_vm vm = vm_make(type);

		_exit(vm_bind(&vm, memfd) == 0 ? 0 : errno);
	}
	tap_must(waitpid(child, &status, 0), "waitpid");
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
	return errno ? -1 : 0;
}

static void test_second_vm(int type)
{
	int memfd;
	struct small_vm first = vm_make_sealed(type, &memfd);
	struct small_vm second = vm_make(type);
	int again = reopen(memfd, O_RDWR);

	vm_store(&first, 0, SECRET);
	tap_check_errno(vm_bind(&second, memfd), EPERM, "a second VM");
	tap_check_errno(vm_bind(&second, again), EPERM, "by another file description");
	tap_check_errno(bind_elsewhere(memfd, type), EPERM, "of another process");
	tap_check_errno(vm_set_slot(&second, SEALED_SLOT, KVM_MEM_GUEST_MEMFD, SEALED_GPA, PAGE,
				    second.decoy, memfd, SEALED_SIZE - PAGE),
			EPERM, "with pages that the first one has not touched");

	tap_must(vm_unbind(&first), "deleting a memslot");
	tap_check_errno(vm_bind(&second, memfd), EPERM, "when the first one's memslot is gone");
	tap_check_errno(vm_bind(&first, memfd), 0, "the first one binds it again");
	tap_check(vm_load(&first, 0) == SECRET, "and finds its contents");

	vm_end(&first);
	tap_check_errno(vm_bind(&second, memfd), EPERM, "when the first VM is gone");
	tap_check_errno(bind_elsewhere(memfd, VM_DEFAULT), EPERM, "and in another process");
	tap_must(punch(memfd, 0, SEALED_SIZE), "hole");
	tap_check_errno(vm_bind(&second, memfd), EPERM, "and when nothing is left in it");

	vm_end(&second);
	close(again);
	close(memfd);
}

/* Many VMs one after another: an address that is used again is no identity. */
static void test_owner_is_not_an_address(int type)
{
	int memfd = make_sealed(SEALED_SIZE);
	struct small_vm owner = vm_make(type);
	bool refused = true;

	tap_must(vm_bind(&owner, memfd), "memslot of a sealed memfd");
	vm_store(&owner, 0, SECRET);
	vm_end(&owner);
	for (int i = 0; refused && i < 50; i++) {
		struct small_vm next = vm_make(type);

		refused = vm_bind(&next, memfd) < 0 && errno == EPERM;
		vm_end(&next);
	}
	tap_check(refused, "fifty VMs after it are refused");
	close(memfd);
}

static void test_refused_bind_settles_nothing(int type)
{
	int memfd = make_sealed(SEALED_SIZE);
	struct small_vm first = vm_make(type);
	struct small_vm second = vm_make(type);

	vm_set_slot(&first, SEALED_SLOT, KVM_MEM_GUEST_MEMFD, SEALED_GPA, SEALED_SIZE, first.decoy,
		    memfd, PAGE);
	tap_check_errno(vm_bind(&second, memfd), 0, "a memslot that is refused makes no owner");
	vm_end(&first);
	vm_end(&second);
	close(memfd);
}

static void test_vm_keeps_memory(int type)
{
	int memfd;
	struct small_vm vm = vm_make_sealed(type, &memfd);

	vm_store(&vm, 0, SECRET);
	close(memfd);
	tap_check(vm_load(&vm, 0) == SECRET, "a memslot keeps the memory of a closed memfd");
	tap_check(vm_load(&vm, PAGE) == 0, "and gets more of it");
	vm_end(&vm);
}

static long shared_kib(void)
{
	return read_field("/proc/meminfo", "Shmem:");
}

static void test_memory_is_given_back(int type)
{
	const long size = 64L << 20;
	long before = shared_kib();
	struct small_vm vm = vm_make(type);
	int memfd = make_sealed(size);

	tap_must(vm_bind(&vm, memfd), "memslot of a sealed memfd");
	tap_must(allocate(memfd, 0, size), "fallocate");
	close(memfd);
	/* The kernel adds its count up with delay. */
	tap_check(shared_kib() - before > size / 1024 * 9 / 10,
		  "the memslot holds the memory of the file");
	vm_end(&vm);
	/* The last reference may be dropped behind the process's back. */
	for (int i = 0; i < 100 && shared_kib() - before > 1024; i++)
		usleep(50000);
	tap_check(shared_kib() - before <= 1024, "and gives it back with the VM");
}

static void test_memfd_keeps_memory(int type)
{
	int memfd;
	struct small_vm vm = vm_make_sealed(type, &memfd);

	vm_store(&vm, 0, SECRET);
	tap_must(vm_unbind(&vm), "deleting a memslot");
	tap_check(allocated_pages(memfd) == 1, "the memfd keeps the memory of a deleted memslot");
	vm_end(&vm);
	tap_check(allocated_pages(memfd) == 1, "and of a VM that is gone");
	tap_check_errno(punch(memfd, 0, PAGE), 0, "which can be freed");
	tap_check(allocated_pages(memfd) == 0, "by whoever has the memfd");
	close(memfd);
}

/* The number of VMs that KVM shows in debugfs, or -1. */
static long vm_directories(void)
{
	DIR *all = opendir("/sys/kernel/debug/kvm");
	long count = 0;

	if (!all)
		return -1;
	for (struct dirent *entry; (entry = readdir(all));)
		count += isdigit((unsigned char)entry->d_name[0]) != 0;
	closedir(all);
	return count;
}

static void test_memfd_keeps_no_vm(int type)
{
	long before = vm_directories();
	struct small_vm vm;
	int memfd;

	if (before < 0) {
		tap_skip("no debugfs", "a memfd keeps no VM");
		return;
	}
	vm = vm_make_sealed(type, &memfd);
	tap_check(vm_directories() == before + 1, "KVM shows the VM");
	vm_end(&vm);
	for (int i = 0; i < 100 && vm_directories() > before; i++)
		usleep(50000);
	tap_check(vm_directories() == before, "a memfd keeps no VM");
	close(memfd);
}

static void test_type(int type)
{
	tap_note("%s", vm_type_name(type));
	if (!vm_type_exists(type)) {
		tap_skip("this kernel has no such type", "%s", vm_type_name(type));
		return;
	}
	test_second_vm(type);
	test_owner_is_not_an_address(type);
	test_refused_bind_settles_nothing(type);
	test_vm_keeps_memory(type);
	test_memory_is_given_back(type);
	test_memfd_keeps_memory(type);
	test_memfd_keeps_no_vm(type);
}

int main(void)
{
	test_type(VM_DEFAULT);
	test_type(VM_SW_PROTECTED);
	return tap_finish();
}
