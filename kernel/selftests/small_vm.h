/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM with one vCPU in real mode that runs a few instructions at a time: its
 * code lies in ordinary memory at address 0, and what it accesses in a memslot
 * of sealed memory.
 */
#ifndef SMALL_VM_H
#define SMALL_VM_H

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "sealed_memfd.h"

/* From the series: include/uapi/linux/kvm.h */
#ifndef KVM_CAP_SEALED_MEMFD
#define KVM_CAP_SEALED_MEMFD	1024
#endif

/* Since Linux 6.8, in the same header. */
#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD	(1UL << 2)
#define KVM_CAP_VM_TYPES	235
#define KVM_EXIT_MEMORY_FAULT	39
#define KVM_MEMORY_ATTRIBUTE_PRIVATE (1ULL << 3)

struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

struct kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};

struct kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#define KVM_SET_MEMORY_ATTRIBUTES _IOW(KVMIO, 0xd2, struct kvm_memory_attributes)
#define KVM_CREATE_GUEST_MEMFD	_IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#endif

#define VM_DEFAULT		0
#define VM_SW_PROTECTED		1

/* struct kvm_run of the machine's header may lack it. */
struct memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

#define CODE_SIZE	PAGE
/* Where tests put sealed memory, and how much. */
#define SEALED_GPA	0x10000UL
#define SEALED_PAGES	64L
#define SEALED_SIZE	(SEALED_PAGES * PAGE)
#define SEALED_SLOT	1

#define REPORT_PORT	0x10

struct small_vm {
	int type;
	int fd;
	int vcpu;
	struct kvm_run *run;
	long run_size;
	uint8_t *code;
	/* What memslots of sealed memory name as userspace_addr. */
	uint8_t *decoy;
};

#define DECOY_BYTE	0x5d

/* All the programs of the guest, each at its own offset in the code page. */

/* A word to DS:BX from EAX. */
static const uint8_t guest_store[] = {
	0x66, 0x89, 0x07,	/* mov %eax,(%bx) */
	0xe6, REPORT_PORT,	/* out %al,$REPORT_PORT */
};

/* EAX from DS:BX. */
static const uint8_t guest_load[] = {
	0x66, 0x8b, 0x07,	/* mov (%bx),%eax */
	0xe6, REPORT_PORT,
};

/*
 * EDX times: a word to one of 16 pages, and back. Reports early if it reads
 * what is neither that word nor zero.
 */
static const uint8_t guest_hammer[] = {
	0x66, 0x40,		/* 1: inc %eax */
	0x66, 0x89, 0x07,	/* mov %eax,(%bx) */
	0x66, 0x8b, 0x0f,	/* mov (%bx),%ecx */
	0x66, 0x39, 0xc8,	/* cmp %ecx,%eax */
	0x74, 0x05,		/* je 2f */
	0x66, 0x85, 0xc9,	/* test %ecx,%ecx */
	0x75, 0x08,		/* jnz 3f */
	0x81, 0xc3, 0x00, 0x10,	/* 2: add $0x1000,%bx */
	0x66, 0x4a,		/* dec %edx */
	0x75, 0xe6,		/* jnz 1b */
	0xe6, REPORT_PORT,	/* 3: out %al,$REPORT_PORT */
};

/* A byte of DS:SI by an instruction that KVM emulates. */
static const uint8_t guest_string_out[] = {
	0xba, REPORT_PORT, 0x00, /* mov $REPORT_PORT,%dx */
	0x6e,			/* outsb */
};

#define STORE_AT	0x000
#define LOAD_AT		0x100
#define HAMMER_AT	0x200
#define STRING_OUT_AT	0x300

static inline int kvm_device(void)
{
	static int device = -1;

	if (device < 0)
		device = tap_must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	return device;
}

static inline bool vm_type_exists(int type)
{
	return type == VM_DEFAULT ||
	       ioctl(kvm_device(), KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES) & 1 << type;
}

static inline const char *vm_type_name(int type)
{
	return type == VM_DEFAULT ? "default VM" : "SW_PROTECTED_VM";
}

static inline int vm_set_slot(const struct small_vm *vm, unsigned int slot, unsigned int flags,
			      uint64_t gpa, uint64_t size, const void *hva, int memfd,
			      uint64_t offset)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
		.guest_memfd = memfd,
		.guest_memfd_offset = offset,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

static inline struct small_vm vm_make(int type)
{
	struct small_vm vm = {.type = type};
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	vm.fd = tap_must(ioctl(kvm_device(), KVM_CREATE_VM, type), "KVM_CREATE_VM");
	vm.vcpu = tap_must(ioctl(vm.fd, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	vm.run_size = tap_must(ioctl(kvm_device(), KVM_GET_VCPU_MMAP_SIZE, 0), "mmap size");
	vm.run = mmap(NULL, vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu, 0);
	vm.code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	vm.decoy = mmap(NULL, SEALED_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (vm.run == MAP_FAILED || vm.code == MAP_FAILED || vm.decoy == MAP_FAILED)
		tap_die("mmap");

	memcpy(vm.code + STORE_AT, guest_store, sizeof(guest_store));
	memcpy(vm.code + LOAD_AT, guest_load, sizeof(guest_load));
	memcpy(vm.code + HAMMER_AT, guest_hammer, sizeof(guest_hammer));
	memcpy(vm.code + STRING_OUT_AT, guest_string_out, sizeof(guest_string_out));
	memset(vm.decoy, DECOY_BYTE, SEALED_SIZE);
	tap_must(vm_set_slot(&vm, 0, 0, 0, CODE_SIZE, vm.code, 0, 0), "ordinary memslot");
	return vm;
}

static inline void vm_end(struct small_vm *vm)
{
	munmap(vm->run, vm->run_size);
	munmap(vm->code, CODE_SIZE);
	munmap(vm->decoy, SEALED_SIZE);
	close(vm->vcpu);
	close(vm->fd);
}

/* A memslot of sealed memory, the whole of it at SEALED_GPA. */
static inline int vm_bind(const struct small_vm *vm, int memfd)
{
	struct kvm_memory_attributes attributes = {
		.address = SEALED_GPA,
		.size = SEALED_SIZE,
		.attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE,
	};
	int result = vm_set_slot(vm, SEALED_SLOT, KVM_MEM_GUEST_MEMFD, SEALED_GPA, SEALED_SIZE,
				 vm->decoy, memfd, 0);

	if (result == 0 && vm->type == VM_SW_PROTECTED)
		tap_must(ioctl(vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes),
			 "KVM_SET_MEMORY_ATTRIBUTES");
	return result;
}

static inline int vm_unbind(const struct small_vm *vm)
{
	return vm_set_slot(vm, SEALED_SLOT, 0, SEALED_GPA, 0, NULL, 0, 0);
}

/* A VM with a memfd of its own behind it, which the caller closes. */
static inline struct small_vm vm_make_sealed(int type, int *memfd)
{
	struct small_vm vm = vm_make(type);

	*memfd = make_sealed(SEALED_SIZE);
	tap_must(vm_bind(&vm, *memfd), "memslot of a sealed memfd");
	return vm;
}

/*
 * Runs a program on the page at SEALED_GPA + @offset. Returns what KVM_RUN does.
 */
static inline int vm_run(const struct small_vm *vm, unsigned int program, uint64_t offset,
			 struct kvm_regs *regs)
{
	struct kvm_sregs sregs;
	int result;

	tap_must(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.ds.base = SEALED_GPA + offset;
	tap_must(ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	regs->rip = program;
	regs->rflags = 2;
	tap_must(ioctl(vm->vcpu, KVM_SET_REGS, regs), "KVM_SET_REGS");

	do {
		result = ioctl(vm->vcpu, KVM_RUN, 0);
	} while (result < 0 && errno == EINTR);
	if (result == 0 && vm->run->exit_reason == KVM_EXIT_IO)
		tap_must(ioctl(vm->vcpu, KVM_GET_REGS, regs), "KVM_GET_REGS");
	return result;
}

/* Whether the program came to its end. */
static inline bool vm_completed(const struct small_vm *vm, int result)
{
	bool done = result == 0 && vm->run->exit_reason == KVM_EXIT_IO &&
		    vm->run->io.port == REPORT_PORT;

	if (!done)
		tap_note("KVM_RUN returned %d (%s), exit reason %u", result,
			 result < 0 ? strerrorname_np(errno) : "-", vm->run->exit_reason);
	return done;
}

static inline bool vm_store(const struct small_vm *vm, uint64_t offset, uint32_t value)
{
	struct kvm_regs regs = {.rax = value};

	return vm_completed(vm, vm_run(vm, STORE_AT, offset, &regs));
}

#define LOAD_FAILED	0xfa11edUL

static inline uint32_t vm_load(const struct small_vm *vm, uint64_t offset)
{
	struct kvm_regs regs = {.rax = LOAD_FAILED};

	if (!vm_completed(vm, vm_run(vm, LOAD_AT, offset, &regs)))
		return LOAD_FAILED;
	return regs.rax;
}

/* That an access of the guest ends in KVM_EXIT_MEMORY_FAULT with @error. */
static inline bool vm_check_fault(const struct small_vm *vm, uint64_t offset, int error,
				  const char *what)
{
	const struct memory_fault *fault = (const void *)&vm->run->hw;
	struct kvm_regs regs = {0};
	int result = vm_run(vm, LOAD_AT, offset, &regs);
	bool as_expected = result < 0 && errno == error &&
			   vm->run->exit_reason == KVM_EXIT_MEMORY_FAULT;

	if (!as_expected)
		vm_completed(vm, result);
	return tap_check(as_expected && fault->gpa == SEALED_GPA + offset && fault->size == PAGE,
			 "%s: %s and KVM_EXIT_MEMORY_FAULT", what, strerrorname_np(error));
}

#endif
