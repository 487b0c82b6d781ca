/* SPDX-License-Identifier: GPL-2.0 */
/* The interface under test, and files to test it with. */
#ifndef SEALED_MEMFD_H
#define SEALED_MEMFD_H

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

/* From the series: include/uapi/linux/fcntl.h and include/uapi/linux/memfd.h */
#ifndef F_SEAL_INACCESSIBLE
#define F_SEAL_INACCESSIBLE	0x0040
#endif
#ifndef MFD_INACCESSIBLE
#define MFD_INACCESSIBLE	0x0020U
#endif

/* Since Linux 6.3, in the same headers. */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC		0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL		0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

#define PAGE 4096L

static inline int make_memfd(unsigned int flags)
{
	return tap_must(memfd_create("selftest", MFD_CLOEXEC | flags),
			"memfd_create");
}

/* A sealed memfd with a size. */
static inline int make_sealed(off_t size)
{
	int fd = make_memfd(MFD_INACCESSIBLE);

	tap_must(ftruncate(fd, size), "ftruncate of a sealed memfd");
	return fd;
}

static inline int seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_INACCESSIBLE);
}

static inline int allocate(int fd, off_t offset, off_t length)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}

static inline int punch(int fd, off_t offset, off_t length)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset,
			 length);
}

static inline long allocated_pages(int fd)
{
	struct stat status;

	tap_must(fstat(fd, &status), "fstat");
	return status.st_blocks * 512 / PAGE;
}

/* The same file by another open file description. */
static inline int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* A number from a file such as /proc/meminfo, or -1. */
static inline long read_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long value = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) == 0 &&
		    sscanf(line + strlen(name), "%ld", &value) == 1)
			break;
	}
	fclose(file);
	return value;
}

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

#endif
