// SPDX-License-Identifier: GPL-2.0
/* Pages come and go while the guest uses them, and while VMs come and go. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "small_vm.h"

/* Pages that the guest hammers; it is in real mode and stays in one segment. */
#define HOT_PAGES	16L
#define HAMMER_LOOPS	20000
#define CHURN_ROUNDS	300
#define SECONDS		60
#define DEATHS		40

struct churn {
	int memfd;
	bool truncates;
	atomic_bool stop;
	atomic_long rounds;
	atomic_long foreign_writes;
	pthread_t thread;
	time_t end;
};

static bool is_zero(const uint64_t *words, long count)
{
	for (long i = 0; i < count; i++) {
		if (words[i])
			return false;
	}
	return true;
}

/*
 * Takes about as many pages as were freed, most likely the same ones. A write
 * by the guest would show that it still had a mapping.
 */
static void watch_freed_pages(struct churn *churn)
{
	const long size = HOT_PAGES * PAGE;
	uint64_t *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (pages == MAP_FAILED)
		return;
	if (!is_zero(pages, size / sizeof(*pages)))
		churn->foreign_writes++;
	munmap(pages, size);
}

static void *churn_pages(void *argument)
{
	struct churn *churn = argument;

	while (!churn->stop) {
		if (churn->truncates) {
			ftruncate(churn->memfd, 0);
			watch_freed_pages(churn);
			ftruncate(churn->memfd, SEALED_SIZE);
		} else {
			punch(churn->memfd, 0, HOT_PAGES * PAGE);
			watch_freed_pages(churn);
			allocate(churn->memfd, 0, HOT_PAGES * PAGE);
			punch(churn->memfd, PAGE, PAGE);
		}
		churn->rounds++;
	}
	return NULL;
}

static void start_churn(struct churn *churn, int memfd, bool truncates)
{
	memset(churn, 0, sizeof(*churn));
	churn->memfd = memfd;
	churn->truncates = truncates;
	churn->end = time(NULL) + SECONDS;
	errno = pthread_create(&churn->thread, NULL, churn_pages, churn);
	if (errno)
		tap_die("pthread_create");
}

/* Enough rounds in time, or as many as there is time for. */
static bool goes_on(const struct churn *churn)
{
	return churn->rounds < CHURN_ROUNDS && time(NULL) < churn->end;
}

static void end_churn(struct churn *churn)
{
	churn->stop = true;
	pthread_join(churn->thread, NULL);
}

static void test_running_guest(int type)
{
	struct churn churn;
	int memfd;
	struct small_vm vm = vm_make_sealed(type, &memfd);
	uint32_t value = 0;
	bool completed = true;

	start_churn(&churn, memfd, false);
	while (completed && goes_on(&churn)) {
		struct kvm_regs regs = {.rax = value, .rdx = HAMMER_LOOPS};

		completed = vm_completed(&vm, vm_run(&vm, HAMMER_AT, 0, &regs)) &&
			    (uint32_t)regs.rdx == 0;
		if (!completed)
			tap_note("the guest wrote %#x and read %#x", (uint32_t)regs.rax,
				 (uint32_t)regs.rcx);
		value = regs.rax;
	}
	end_churn(&churn);

	tap_check(completed, "the guest reads what it wrote, or zero from a new page");
	tap_check(churn.foreign_writes == 0, "it writes to no page that was freed");
	tap_check(churn.rounds > 0, "%ld times holes and pages beneath it", churn.rounds);
	tap_check(vm_store(&vm, 0, 77) && vm_load(&vm, 0) == 77, "it goes on afterwards");
	vm_end(&vm);
	close(memfd);
}

static void test_truncated_guest(int type)
{
	struct churn churn;
	int memfd;
	struct small_vm vm = vm_make_sealed(type, &memfd);
	long faults = 0;
	bool sane = true;

	start_churn(&churn, memfd, true);
	while (sane && goes_on(&churn)) {
		struct kvm_regs regs = {.rdx = HAMMER_LOOPS};
		int result = vm_run(&vm, HAMMER_AT, 0, &regs);

		if (result < 0 && errno == EFAULT &&
		    vm.run->exit_reason == KVM_EXIT_MEMORY_FAULT)
			faults++;
		else
			sane = vm_completed(&vm, result) && (uint32_t)regs.rdx == 0;
	}
	end_churn(&churn);

	tap_check(sane, "truncation beneath the guest: it goes on or faults (%ld times)", faults);
	tap_check(churn.foreign_writes == 0, "it writes to no page that was freed");
	vm_end(&vm);
	close(memfd);
}

/* The VM goes while the memfd calls it; it must outlive the call. */
static void test_dying_vms(int type, bool truncates)
{
	long rounds = 0;
	long writes = 0;

	for (int death = 0; death < DEATHS; death++) {
		struct churn churn;
		int memfd;
		struct small_vm vm = vm_make_sealed(type, &memfd);
		struct kvm_regs regs = {.rdx = 500};

		start_churn(&churn, memfd, truncates);
		vm_run(&vm, HAMMER_AT, 0, &regs);
		while (!churn.rounds && death % 2)
			;
		vm_end(&vm);
		end_churn(&churn);
		rounds += churn.rounds;
		writes += churn.foreign_writes;
		close(memfd);
	}
	tap_check(writes == 0, "%d VMs end beneath %s (%ld rounds)", DEATHS,
		  truncates ? "truncation" : "holes", rounds);
}

/* Memslots come and go while the memfd calls them. */
static void test_rebinding(int type)
{
	struct churn churn;
	int memfd;
	struct small_vm vm = vm_make_sealed(type, &memfd);
	bool sane = true;

	start_churn(&churn, memfd, false);
	for (int round = 0; sane && round < DEATHS; round++) {
		struct kvm_regs regs = {.rdx = 500};

		sane = vm_completed(&vm, vm_run(&vm, HAMMER_AT, 0, &regs)) &&
		       vm_unbind(&vm) == 0 && vm_bind(&vm, memfd) == 0;
	}
	end_churn(&churn);
	tap_check(sane, "memslots are deleted and made %d times", DEATHS);
	tap_check(churn.foreign_writes == 0, "the guest writes to no page that was freed");
	vm_end(&vm);
	close(memfd);
}

/* One memfd, two memslots, a hole across both. */
static void test_hole_across_memslots(void)
{
	struct small_vm vm = vm_make(VM_DEFAULT);
	int memfd = make_sealed(SEALED_SIZE);
	const long half = SEALED_SIZE / 2;
	const uint32_t flags = KVM_MEM_GUEST_MEMFD;

	/* The upper half of the file comes first in the guest. */
	tap_must(vm_set_slot(&vm, 1, flags, SEALED_GPA, half, vm.decoy, memfd, half), "memslot");
	tap_must(vm_set_slot(&vm, 2, flags, SEALED_GPA + half, half, vm.decoy, memfd, 0), "memslot");
	vm_store(&vm, 0, 1);
	vm_store(&vm, half - PAGE, 2);
	vm_store(&vm, half, 3);
	vm_store(&vm, SEALED_SIZE - PAGE, 4);
	tap_must(punch(memfd, half - PAGE, 2 * PAGE), "hole");
	tap_check(vm_load(&vm, 0) == 0 && vm_load(&vm, SEALED_SIZE - PAGE) == 0,
		  "a hole across two memslots");
	tap_check(vm_load(&vm, half) == 3 && vm_load(&vm, half - PAGE) == 2,
		  "leaves the pages around it");
	vm_end(&vm);
	close(memfd);
}

static void test_type(int type)
{
	tap_note("%s", vm_type_name(type));
	if (!vm_type_exists(type)) {
		tap_skip("this kernel has no such type", "%s", vm_type_name(type));
		return;
	}
	test_running_guest(type);
	test_truncated_guest(type);
	test_dying_vms(type, false);
	test_dying_vms(type, true);
	test_rebinding(type);
}

int main(void)
{
	test_type(VM_DEFAULT);
	test_type(VM_SW_PROTECTED);
	test_hole_across_memslots();
	return tap_finish();
}
