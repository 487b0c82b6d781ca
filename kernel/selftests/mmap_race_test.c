// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() looks at the seals before the kernel knows the mapping, so a mapping
 * can come into being while its file is sealed. It must lead nowhere.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "sealed_memfd.h"

#define SIZE		(2L << 20)
#define SECONDS		20
#define ENOUGH		50

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

static sigjmp_buf fault;

static void on_fault(int number)
{
	siglongjmp(fault, number);
}

/* The signal of an access, or 0. */
static int touch(volatile char *byte, bool write)
{
	int number = sigsetjmp(fault, 1);

	if (number)
		return number;
	if (write)
		*byte = 1;
	else
		(void)*byte;
	return 0;
}

struct race {
	atomic_int fd;
	int flags;
	void *mapping;
};

#define NO_FILE	(-1)
#define THE_END	(-2)

static bool is_sealed(int fd)
{
	return fcntl(fd, F_GET_SEALS) & F_SEAL_INACCESSIBLE;
}

/*
 * Maps the file until it is sealed. A mapping that is there while the other
 * thread seals the file makes that fail, so one that stays when it is done was
 * on its way then.
 */
static void *map_files(void *argument)
{
	struct race *race = argument;
	int fd;

	while ((fd = race->fd) != THE_END) {
		if (fd == NO_FILE)
			continue;
		race->mapping = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, race->flags, fd, 0);
		if (race->mapping == MAP_FAILED || is_sealed(fd))
			race->fd = NO_FILE;
		else
			munmap(race->mapping, SIZE);
	}
	return NULL;
}

static int userfault(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = {.api = UFFD_API};

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Whether a page can be put into the mapping by userfaultfd. */
static bool userfault_fills(void *mapping)
{
	static char source[2 * PAGE];
	int fd = userfault();
	struct uffdio_register registration = {
		.range = {(uintptr_t)mapping, SIZE}, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_copy copy = {
		.dst = (uintptr_t)mapping,
		.src = ((uintptr_t)source + PAGE - 1) & -PAGE,
		.len = PAGE,
	};
	struct uffdio_zeropage zero = {.range = {(uintptr_t)mapping + PAGE, PAGE}};
	bool filled;

	if (fd < 0)
		return false;
	filled = ioctl(fd, UFFDIO_REGISTER, &registration) == 0 &&
		 (ioctl(fd, UFFDIO_COPY, &copy) == 0 || ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0);
	close(fd);
	return filled;
}

static const char *way_in(volatile char *mapping, int fd)
{
	int ends[2];
	const char *way = NULL;

	tap_must(ftruncate(fd, SIZE), "ftruncate of a sealed memfd");
	tap_must(allocate(fd, 0, SIZE), "fallocate of a sealed memfd");
	tap_must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2");

	if (touch(mapping, false) != SIGBUS)
		way = "load";
	else if (touch(mapping + PAGE, true) != SIGBUS)
		way = "store";
	else if (write(ends[1], (void *)mapping, 1) >= 0)
		way = "system call";
	else if (madvise((void *)mapping, SIZE, MADV_POPULATE_READ) == 0)
		way = "MADV_POPULATE_READ";
	else if (madvise((void *)mapping, SIZE, MADV_POPULATE_WRITE) == 0)
		way = "MADV_POPULATE_WRITE";
	else if (userfault_fills((void *)mapping))
		way = "userfaultfd";
	else if (madvise((void *)mapping, SIZE, MADV_COLLAPSE) == 0)
		way = "MADV_COLLAPSE";
	else if (touch(mapping, false) != SIGBUS)
		way = "load after all that";
	close(ends[0]);
	close(ends[1]);
	return way;
}

static void test_race(int flags, const char *what)
{
	struct race race = {.fd = NO_FILE, .flags = flags};
	const time_t end = time(NULL) + SECONDS;
	const char *way = NULL;
	long files = 0;
	long won = 0;
	pthread_t thread;

	errno = pthread_create(&thread, NULL, map_files, &race);
	if (errno)
		tap_die("pthread_create");

	while (!way && won < ENOUGH && time(NULL) < end) {
		int fd = make_memfd(MFD_ALLOW_SEALING);

		race.fd = fd;
		while (seal(fd) < 0)
			;
		while (race.fd != NO_FILE)
			;
		files++;
		if (race.mapping != MAP_FAILED) {
			won++;
			way = way_in(race.mapping, fd);
			munmap(race.mapping, SIZE);
		}
		close(fd);
	}
	race.fd = THE_END;
	pthread_join(thread, NULL);

	tap_note("%s: %ld files, %ld times a mapping was on its way", what, files, won);
	if (way)
		tap_note("a way in: %s", way);
	if (won)
		tap_check(!way, "%s that was on its way when the file was sealed leads nowhere", what);
	else
		tap_skip("the race was never won", "%s while the file is sealed", what);
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_fault};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (userfault() < 0)
		tap_skip("not here", "userfaultfd");

	test_race(MAP_SHARED, "a shared mapping");
	test_race(MAP_PRIVATE, "a private mapping");
	return tap_finish();
}
