// SPDX-License-Identifier: GPL-2.0
/* A sealed memfd as a guest's memory: what KVM accepts, and what the guest sees. */
#define _GNU_SOURCE
#include "small_vm.h"

#define OTHER_GPA	0x100000UL

static int try_bind(const struct small_vm *vm, unsigned int flags, uint64_t size, int memfd,
		    uint64_t offset)
{
	return vm_set_slot(vm, SEALED_SLOT, KVM_MEM_GUEST_MEMFD | flags, SEALED_GPA, size,
			   vm->decoy, memfd, offset);
}

static void test_capability(const struct small_vm *vm)
{
	tap_check(ioctl(kvm_device(), KVM_CHECK_EXTENSION, KVM_CAP_SEALED_MEMFD) > 0,
		  "KVM_CAP_SEALED_MEMFD of the system");
	tap_check(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SEALED_MEMFD) > 0,
		  "KVM_CAP_SEALED_MEMFD of the VM");
}

static void test_refused_memslots(const struct small_vm *vm)
{
	struct kvm_create_guest_memfd create = {.size = SEALED_SIZE};
	int plain = make_memfd(MFD_ALLOW_SEALING);
	int sealed = make_sealed(SEALED_SIZE);
	int read_only = reopen(sealed, O_RDONLY);
	int own;

	tap_must(ftruncate(plain, SEALED_SIZE), "ftruncate");
	tap_check_errno(try_bind(vm, 0, SEALED_SIZE, plain, 0), EINVAL, "memfd without the seal");
	tap_check_errno(try_bind(vm, 0, SEALED_SIZE, -1, 0), EBADF, "no file");
	tap_check_errno(try_bind(vm, 0, SEALED_SIZE, read_only, 0), EACCES, "file open for reading");
	tap_check_errno(try_bind(vm, 0, SEALED_SIZE, sealed, PAGE), EINVAL, "range behind the end");
	tap_check_errno(try_bind(vm, 0, PAGE, sealed, 1), EINVAL, "odd offset");
	tap_check_errno(try_bind(vm, KVM_MEM_LOG_DIRTY_PAGES, SEALED_SIZE, sealed, 0), EINVAL,
			"dirty log");
	tap_check_errno(try_bind(vm, KVM_MEM_READONLY, SEALED_SIZE, sealed, 0), EINVAL,
			"read-only memslot");

	own = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &create);
	if (vm->type == VM_DEFAULT && own >= 0)
		tap_check_errno(try_bind(vm, 0, SEALED_SIZE, own, 0), EINVAL,
				"guest_memfd in a VM without private memory");
	if (own >= 0)
		close(own);
	close(plain);
	close(read_only);
	close(sealed);
}

static void test_memslots_are_immutable(const struct small_vm *vm, int memfd)
{
	tap_check_errno(vm_bind(vm, memfd), EINVAL, "the same memslot once more");
	tap_check_errno(vm_set_slot(vm, SEALED_SLOT, 0, SEALED_GPA, SEALED_SIZE, vm->decoy, 0, 0),
			EINVAL, "the memslot without its memfd");
	tap_check_errno(vm_set_slot(vm, SEALED_SLOT, 0, OTHER_GPA, SEALED_SIZE, vm->decoy, 0, 0),
			EINVAL, "the memslot elsewhere");
	tap_check_errno(vm_set_slot(vm, 2, KVM_MEM_GUEST_MEMFD, OTHER_GPA, PAGE, vm->decoy, memfd,
				    SEALED_SIZE - PAGE),
			EINVAL, "a page in two memslots");
}

static bool decoy_is_untouched(const struct small_vm *vm)
{
	for (long i = 0; i < SEALED_SIZE; i++) {
		if (vm->decoy[i] != DECOY_BYTE)
			return false;
	}
	return true;
}

static void test_contents(const struct small_vm *vm, int memfd)
{
	tap_check(allocated_pages(memfd) == 0, "nothing is allocated at first");
	tap_check(vm_load(vm, 0) == 0, "the guest reads zero from a hole");
	tap_check(allocated_pages(memfd) == 1, "which allocates the page");
	tap_check(vm_store(vm, PAGE, 0x1234) && vm_load(vm, PAGE) == 0x1234,
		  "the guest reads what it wrote");
	tap_check(allocated_pages(memfd) == 2, "pages are counted");
	tap_check(vm_load(vm, 0) == 0, "other pages stay as they were");

	tap_must(allocate(memfd, 0, SEALED_SIZE), "fallocate");
	tap_check(allocated_pages(memfd) == SEALED_PAGES, "fallocate populates");
	tap_check(vm_load(vm, PAGE) == 0x1234, "and keeps what is there");
	tap_check(vm_load(vm, 2 * PAGE) == 0, "the guest reads zero from an allocated page");
	tap_check(decoy_is_untouched(vm), "nothing was written through userspace_addr");
}

static void test_kernel_keeps_pages(const struct small_vm *vm)
{
	/* A page that was read first is clean for the host. */
	vm_load(vm, 3 * PAGE);
	vm_store(vm, 3 * PAGE, 0x3333);
	write_file("/proc/sys/vm/drop_caches", "3");
	write_file("/proc/sys/vm/compact_memory", "1");
	tap_check(vm_load(vm, 3 * PAGE) == 0x3333 && vm_load(vm, PAGE) == 0x1234,
		  "dropping caches and compaction leave the contents");
}

static void test_holes(const struct small_vm *vm, int memfd)
{
	vm_store(vm, 4 * PAGE, 0x4444);
	vm_store(vm, 5 * PAGE, 0x5555);
	tap_must(punch(memfd, 4 * PAGE, PAGE), "hole");
	tap_check(allocated_pages(memfd) == SEALED_PAGES - 1, "a hole frees the page");
	tap_check(vm_load(vm, 4 * PAGE) == 0, "the guest reads zero from it");
	tap_check(vm_load(vm, 5 * PAGE) == 0x5555, "and what it wrote beside it");

	tap_must(ftruncate(memfd, 0), "ftruncate");
	vm_check_fault(vm, 5 * PAGE, EFAULT, "access behind the end");
	tap_must(ftruncate(memfd, SEALED_SIZE), "ftruncate");
	tap_check(vm_load(vm, 5 * PAGE) == 0, "the guest reads zero when the file has grown again");
}

static void test_no_memory(const struct small_vm *vm)
{
	struct kvm_memory_attributes attributes = {
		.address = OTHER_GPA, .size = PAGE, .attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE,
	};
	int result = ioctl(vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes);

	if (vm->type == VM_DEFAULT)
		tap_check(result < 0, "a default VM has no private memory");
}

/* Last, because KVM waits for the answer to the access. */
static void test_emulation(const struct small_vm *vm)
{
	struct kvm_regs regs = {.rsi = 0};
	int result = vm_run(vm, STRING_OUT_AT, 0, &regs);
	const uint8_t *data = (const uint8_t *)vm->run + vm->run->io.data_offset;

	if (vm->type != VM_DEFAULT) {
		tap_skip("KVM reads the shared half", "an instruction that KVM emulates");
		return;
	}
	tap_check(result == 0 && vm->run->exit_reason == KVM_EXIT_MMIO &&
		  vm->run->mmio.phys_addr == SEALED_GPA,
		  "KVM finds no memory for an instruction that it emulates");
	if (result == 0 && vm->run->exit_reason == KVM_EXIT_IO)
		tap_note("it wrote %#x", *data);
}

static void test_type(int type)
{
	struct small_vm vm;
	int memfd;

	tap_note("%s", vm_type_name(type));
	if (!vm_type_exists(type)) {
		tap_skip("this kernel has no such type", "%s", vm_type_name(type));
		return;
	}
	vm = vm_make(type);
	test_capability(&vm);
	test_refused_memslots(&vm);
	memfd = make_sealed(SEALED_SIZE);
	tap_check_errno(vm_bind(&vm, memfd), 0, "a sealed memfd");
	test_memslots_are_immutable(&vm, memfd);
	test_contents(&vm, memfd);
	test_kernel_keeps_pages(&vm);
	test_holes(&vm, memfd);
	test_no_memory(&vm);
	test_emulation(&vm);
	vm_end(&vm);
	close(memfd);
}

int main(void)
{
	test_type(VM_DEFAULT);
	test_type(VM_SW_PROTECTED);
	return tap_finish();
}
