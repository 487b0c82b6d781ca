// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes share a memfd, and one of them tries to take the other's access
 * away by the seal: it truncates the memory and seals it.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/wait.h>

#include "sealed_memfd.h"

#define SIZE		(16 * PAGE)
#define ATTACKS		2000

/* What the attacker reports. */
struct report {
	atomic_long attempts;
	atomic_long seals;
	atomic_int unexpected_errno;
	atomic_bool stop;
};

static struct report *report;

static void try_to_seal(int fd)
{
	report->attempts++;
	if (seal(fd) == 0)
		report->seals++;
	else if (errno != EBUSY && errno != EPERM)
		report->unexpected_errno = errno;
}

static pid_t start_attacker(int fd)
{
	pid_t child;

	memset(report, 0, sizeof(*report));
	child = tap_must(fork(), "fork");
	if (child)
		return child;

	while (!report->stop && report->attempts < ATTACKS) {
		ftruncate(fd, 0);
		try_to_seal(fd);
		punch(fd, 0, SIZE);
		try_to_seal(fd);
		/* By a description of its own. */
		int again = reopen(fd, O_RDWR | O_TRUNC);

		try_to_seal(again);
		close(again);
	}
	_exit(0);
}

static void end_attacker(pid_t child)
{
	report->stop = true;
	waitpid(child, NULL, 0);
}

static void check_attack(int fd, const char *what)
{
	if (report->unexpected_errno)
		tap_note("%s", strerrorname_np(report->unexpected_errno));
	tap_check(report->attempts > 0 && report->seals == 0 && !report->unexpected_errno,
		  "%s: %ld attempts fail", what, report->attempts);
	tap_check((fcntl(fd, F_GET_SEALS) & F_SEAL_INACCESSIBLE) == 0, "%s: no seal", what);
}

/* The victim goes on with what it does, whatever the size is at the moment. */
static bool use_by_calls(int fd, int rounds)
{
	char byte = 'v';

	for (int i = 0; i < rounds; i++) {
		if (ftruncate(fd, SIZE) != 0 || pwrite(fd, &byte, 1, 0) != 1)
			return false;
		if (pread(fd, &byte, 1, SIZE) < 0)
			return false;
	}
	return true;
}

static void test_memory_in_use(bool mapped)
{
	const char *what = mapped ? "mapped memory" : "memory that is not mapped";
	int fd = make_memfd(MFD_ALLOW_SEALING);
	void *mapping = MAP_FAILED;
	pid_t attacker;
	bool usable;

	tap_must(ftruncate(fd, SIZE), "ftruncate");
	if (mapped)
		mapping = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	attacker = start_attacker(fd);
	usable = use_by_calls(fd, ATTACKS);
	end_attacker(attacker);

	check_attack(fd, what);
	tap_check(usable && use_by_calls(fd, 1), "%s: reads and writes work", what);
	if (mapped) {
		tap_must(ftruncate(fd, SIZE), "ftruncate");
		*(volatile char *)mapping = 'v';
		tap_check(*(volatile char *)mapping == 'v', "%s: the mapping works", what);
		munmap(mapping, SIZE);
	}
	close(fd);
}

/* Who hands out a memfd before it has a size keeps others from sealing it. */
static void test_empty_memory(int other_seal, const char *what)
{
	int fd = make_memfd(MFD_ALLOW_SEALING);
	pid_t attacker;

	tap_must(fcntl(fd, F_ADD_SEALS, other_seal), "F_ADD_SEALS");
	attacker = start_attacker(fd);
	waitpid(attacker, NULL, 0);
	check_attack(fd, what);
	tap_check(use_by_calls(fd, 1), "%s: reads and writes work", what);
	close(fd);
}

/* The other way round: the peer of a sealed memfd wants its contents. */
static void test_sealed_memory(void)
{
	int fd = make_memfd(MFD_INACCESSIBLE | MFD_ALLOW_SEALING);
	pid_t child;
	int status;

	tap_must(ftruncate(fd, SIZE), "ftruncate");
	tap_must(allocate(fd, 0, SIZE), "fallocate");
	child = tap_must(fork(), "fork");
	if (child == 0) {
		int again = reopen(fd, O_RDWR);
		char byte;
		bool reached = pread(again, &byte, 1, 0) >= 0;

		ftruncate(again, 0);
		reached |= pread(again, &byte, 1, 0) >= 0;
		reached |= mmap(NULL, PAGE, PROT_READ, MAP_SHARED, again, 0) != MAP_FAILED;
		ftruncate(again, SIZE);
		reached |= mmap(NULL, PAGE, PROT_READ, MAP_SHARED, again, 0) != MAP_FAILED;
		_exit(reached);
	}
	waitpid(child, &status, 0);
	tap_check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "truncating sealed memory does not open it");
	tap_check(fcntl(fd, F_GET_SEALS) == F_SEAL_INACCESSIBLE, "the seal stays");
	close(fd);
}

int main(void)
{
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (report == MAP_FAILED)
		tap_die("mmap");

	test_memory_in_use(true);
	test_memory_in_use(false);
	test_empty_memory(F_SEAL_SEAL, "empty memory with F_SEAL_SEAL");
	test_sealed_memory();
	return tap_finish();
}
