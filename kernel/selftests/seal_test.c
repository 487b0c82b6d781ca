// SPDX-License-Identifier: GPL-2.0
/* What user space can do with a memfd that has F_SEAL_INACCESSIBLE. */
#define _GNU_SOURCE
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "sealed_memfd.h"

#define SIZE (4L << 20)

static void check_sizing(int fd)
{
	tap_check_errno(ftruncate(fd, SIZE), 0, "ftruncate to whole pages");
	tap_check_errno(ftruncate(fd, SIZE - 1), EINVAL, "ftruncate to a part of a page");
	tap_check_errno(allocate(fd, 0, SIZE), 0, "fallocate of whole pages");
	tap_check(allocated_pages(fd) == SIZE / PAGE, "st_blocks counts allocated pages");
	tap_check_errno(allocate(fd, 1, PAGE), EINVAL, "fallocate at an odd offset");
	tap_check_errno(allocate(fd, 0, 1), EINVAL, "fallocate of a part of a page");
	tap_check_errno(punch(fd, 0, PAGE), 0, "hole of a page");
	tap_check(allocated_pages(fd) == SIZE / PAGE - 1, "st_blocks counts holes");
	tap_check_errno(punch(fd, PAGE + 1, PAGE), EINVAL, "hole at an odd offset");
	tap_check_errno(punch(fd, PAGE, 1), EINVAL, "hole in a part of a page");
	tap_check(allocated_pages(fd) == SIZE / PAGE - 1, "refused holes free nothing");
}

static void check_no_map(int fd, int protection, int flags, const char *what)
{
	void *address = mmap(NULL, PAGE, protection, flags, fd, PAGE);

	tap_check_errno(address == MAP_FAILED ? -1 : 0, EPERM, what);
	if (address != MAP_FAILED)
		munmap(address, PAGE);
}

static void check_no_calls(int fd)
{
	char byte = 1;
	struct iovec vector = {&byte, 1};

	tap_check_errno(pread(fd, &byte, 1, PAGE), EPERM, "pread");
	tap_check_errno(pread(fd, &byte, 1, 2 * SIZE), EPERM, "pread behind the end");
	tap_check_errno(preadv(fd, &vector, 1, PAGE), EPERM, "preadv");
	tap_check_errno(pwrite(fd, &byte, 1, PAGE), EPERM, "pwrite");
	tap_check_errno(pwrite(fd, &byte, 1, 2 * SIZE), EPERM, "pwrite behind the end");
	tap_check_errno(pwritev(fd, &vector, 1, PAGE), EPERM, "pwritev");

	check_no_map(fd, PROT_READ | PROT_WRITE, MAP_SHARED, "shared mapping");
	check_no_map(fd, PROT_READ, MAP_SHARED, "shared read-only mapping");
	check_no_map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, "private mapping");
	check_no_map(fd, PROT_READ, MAP_PRIVATE, "private read-only mapping");
	check_no_map(fd, PROT_NONE, MAP_SHARED, "mapping without access");
	check_no_map(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE, "executable mapping");
}

static void check_no_copies(int fd)
{
	int other = make_memfd(0);
	int ends[2];
	char byte = 1;
	loff_t offset = 0;
	loff_t other_offset = 0;

	tap_must(ftruncate(other, SIZE), "ftruncate");
	tap_must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2");

	tap_check_errno(splice(fd, &offset, ends[1], NULL, PAGE, 0), EPERM, "splice out of it");
	tap_must(write(ends[1], &byte, 1), "write to a pipe");
	tap_check_errno(splice(ends[0], NULL, fd, &offset, 1, 0), EPERM, "splice into it");
	tap_check_errno(sendfile(other, fd, &offset, PAGE), EPERM, "sendfile out of it");
	tap_check_errno(sendfile(fd, other, &other_offset, PAGE), EPERM, "sendfile into it");
	tap_check_errno(copy_file_range(fd, &offset, other, &other_offset, PAGE, 0), EPERM,
			"copy_file_range out of it");
	tap_check_errno(copy_file_range(other, &other_offset, fd, &offset, PAGE, 0), EPERM,
			"copy_file_range into it");
	close(other);
	close(ends[0]);
	close(ends[1]);
}

static void check_no_reopening(int fd)
{
	int again = reopen(fd, O_RDONLY);
	char byte;

	tap_check(again >= 0, "opens again through /proc/self/fd");
	tap_check_errno(pread(again, &byte, 1, PAGE), EPERM, "pread of the file opened again");
	check_no_map(again, PROT_READ, MAP_SHARED, "mapping of the file opened again");
	close(again);
}

static void check_no_execution(int fd)
{
	pid_t child = tap_must(fork(), "fork");
	char *const words[] = {"sealed", NULL};
	int status;

	if (child == 0) {
		fexecve(fd, words, words + 1);
		_exit(errno == EPERM || errno == EACCES ? 0 : 1);
	}
	tap_must(waitpid(child, &status, 0), "waitpid");
	tap_check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "execution is refused");
}

static int udmabuf_create(int device, int fd)
{
	struct udmabuf_create create = {
		.memfd = fd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = PAGE,
	};

	return ioctl(device, UDMABUF_CREATE, &create);
}

static void check_no_dma_buf(void)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int sealed = make_memfd(MFD_INACCESSIBLE | MFD_ALLOW_SEALING);
	int plain = make_memfd(MFD_ALLOW_SEALING);
	int buffer;

	if (device < 0) {
		tap_skip("no /dev/udmabuf", "udmabuf");
		return;
	}
	tap_must(ftruncate(sealed, SIZE), "ftruncate");
	tap_must(ftruncate(plain, SIZE), "ftruncate");
	/* udmabuf wants it. */
	tap_check_errno(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK), 0,
			"another seal is added to a sealed memfd");
	tap_must(fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK), "F_ADD_SEALS");

	buffer = udmabuf_create(device, plain);
	tap_check(buffer >= 0, "udmabuf takes a plain memfd");
	close(buffer);
	tap_check_errno(udmabuf_create(device, sealed), EINVAL, "udmabuf of a sealed memfd");
	close(device);
	close(sealed);
	close(plain);
}

static void check_doors(int fd)
{
	check_sizing(fd);
	check_no_calls(fd);
	check_no_copies(fd);
	check_no_reopening(fd);
	check_no_execution(fd);
	tap_check(allocated_pages(fd) == SIZE / PAGE - 1, "refused accesses allocate nothing");
}

static void test_flag(void)
{
	int fd = make_memfd(MFD_INACCESSIBLE);

	tap_note("memfd_create(MFD_INACCESSIBLE)");
	tap_check(fcntl(fd, F_GET_SEALS) == (F_SEAL_INACCESSIBLE | F_SEAL_SEAL),
		  "the flag sets the seal");
	check_doors(fd);
	close(fd);

	fd = make_memfd(MFD_INACCESSIBLE | MFD_ALLOW_SEALING);
	tap_check(fcntl(fd, F_GET_SEALS) == F_SEAL_INACCESSIBLE,
		  "with MFD_ALLOW_SEALING more seals are possible");
	tap_check_errno(seal(fd), 0, "sealing once more");
	tap_must(ftruncate(fd, PAGE), "ftruncate");
	tap_check_errno(seal(fd), 0, "sealing once more, with a size");
	tap_check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0, "a seal against growing");
	tap_check_errno(ftruncate(fd, 2 * PAGE), EPERM, "growing then");
	close(fd);

	fd = make_memfd(MFD_INACCESSIBLE | MFD_NOEXEC_SEAL);
	tap_check(fcntl(fd, F_GET_SEALS) == (F_SEAL_INACCESSIBLE | F_SEAL_EXEC),
		  "the flag together with MFD_NOEXEC_SEAL");
	close(fd);

	tap_check_errno(memfd_create("huge", MFD_CLOEXEC | MFD_INACCESSIBLE | MFD_HUGETLB), EINVAL,
			"the flag together with MFD_HUGETLB");
}

static void test_seal(void)
{
	int fd = make_memfd(MFD_ALLOW_SEALING);

	tap_note("F_ADD_SEALS, F_SEAL_INACCESSIBLE");
	tap_check_errno(seal(fd), 0, "sealing an empty memfd");
	tap_check(fcntl(fd, F_GET_SEALS) == F_SEAL_INACCESSIBLE, "that seal and no other is set");
	check_doors(fd);
	close(fd);

	fd = make_memfd(MFD_ALLOW_SEALING);
	tap_check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_INACCESSIBLE | F_SEAL_SEAL), 0,
			"sealing together with F_SEAL_SEAL");
	tap_check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM, "a further seal then");
	close(fd);

	fd = make_memfd(MFD_NOEXEC_SEAL);
	tap_check_errno(seal(fd), 0, "sealing a memfd with F_SEAL_EXEC");
	close(fd);
}

static void check_not_sealed(int fd, int error, const char *what)
{
	tap_check_errno(seal(fd), error, what);
	if (fcntl(fd, F_GET_SEALS) & F_SEAL_INACCESSIBLE)
		tap_check(false, "%s: the seal is there all the same", what);
	close(fd);
}

static void test_refusals(void)
{
	static const int other_seals[] = {
		F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE,
	};
	int fd = make_memfd(MFD_ALLOW_SEALING);
	void *mapping;

	tap_note("memfds that are not to be sealed");
	tap_must(ftruncate(fd, PAGE), "ftruncate");
	check_not_sealed(fd, EBUSY, "memfd with a size");

	fd = make_memfd(MFD_ALLOW_SEALING);
	tap_must(ftruncate(fd, PAGE), "ftruncate");
	tap_must(ftruncate(fd, 0), "ftruncate");
	check_not_sealed(fd, EBUSY, "memfd that had a size");

	fd = make_memfd(MFD_ALLOW_SEALING);
	tap_must(allocate(fd, 0, PAGE), "fallocate");
	check_not_sealed(fd, EBUSY, "memfd with pages behind its end");

	fd = make_memfd(MFD_ALLOW_SEALING);
	mapping = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	tap_check_errno(seal(fd), EBUSY, "memfd with a private mapping");
	munmap(mapping, PAGE);
	mapping = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	tap_check_errno(seal(fd), EBUSY, "memfd with a mapping without access");
	munmap(mapping, PAGE);
	tap_check_errno(seal(fd), 0, "memfd whose mappings are gone");
	close(fd);

	for (size_t i = 0; i < sizeof(other_seals) / sizeof(*other_seals); i++) {
		char what[64];

		snprintf(what, sizeof(what), "memfd with seal %#x", other_seals[i]);
		fd = make_memfd(MFD_ALLOW_SEALING);
		tap_must(fcntl(fd, F_ADD_SEALS, other_seals[i]), "F_ADD_SEALS");
		check_not_sealed(fd, EBUSY, what);

		snprintf(what, sizeof(what), "together with seal %#x", other_seals[i]);
		fd = make_memfd(MFD_ALLOW_SEALING);
		tap_check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_INACCESSIBLE | other_seals[i]),
				EINVAL, what);
		tap_check(fcntl(fd, F_GET_SEALS) == 0, "and no seal is set");
		close(fd);
	}

	check_not_sealed(make_memfd(0), EPERM, "memfd with F_SEAL_SEAL");

	fd = make_memfd(MFD_ALLOW_SEALING);
	check_not_sealed(reopen(fd, O_RDONLY), EPERM, "memfd opened for reading");
	close(fd);

	fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	if (fd < 0)
		tap_skip("no hugetlbfs", "memfd of huge pages");
	else
		check_not_sealed(fd, EINVAL, "memfd of huge pages");
}

#define SHMEM_THP "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

static long huge_kib(int fd)
{
	long before = read_field("/proc/meminfo", "ShmemHugePages:");

	tap_must(ftruncate(fd, SIZE), "ftruncate");
	tap_must(allocate(fd, 0, SIZE), "fallocate");
	return read_field("/proc/meminfo", "ShmemHugePages:") - before;
}

static void test_no_huge_pages(void)
{
	int plain = make_memfd(0);
	int sealed = make_memfd(MFD_INACCESSIBLE);

	tap_note("pages");
	if (!write_file(SHMEM_THP, "force")) {
		tap_skip("no shmem_enabled", "huge pages");
	} else {
		tap_check(huge_kib(plain) > 0, "a plain memfd gets huge pages when forced");
		tap_check(huge_kib(sealed) == 0, "a sealed memfd gets none");
		write_file(SHMEM_THP, "never");
	}
	close(plain);
	close(sealed);
}

static void test_unevictable(void)
{
	int fd = make_sealed(SIZE);
	long before = read_field("/proc/meminfo", "Unevictable:");
	long gained;

	tap_must(allocate(fd, 0, SIZE), "fallocate");
	gained = read_field("/proc/meminfo", "Unevictable:") - before;
	/* Some pages are on their way to the list still. */
	tap_check(gained > SIZE / 1024 * 3 / 4, "pages are unevictable (%ld KiB of %ld)", gained,
		  SIZE / 1024);

	write_file("/proc/sys/vm/drop_caches", "3");
	write_file("/proc/sys/vm/compact_memory", "1");
	tap_check(allocated_pages(fd) == SIZE / PAGE, "dropping caches and compaction leave them");
	close(fd);
}

#define GROUP "/tmp/selftest-cgroup"

static long group_charge(void)
{
	return read_field(GROUP "/sealed/memory.current", "");
}

static void test_memory_group(void)
{
	char pid[32];
	long before;
	int fd;

	mkdir("/tmp", 0755);
	mkdir(GROUP, 0755);
	if (mount("cgroup2", GROUP, "cgroup2", 0, NULL) != 0 ||
	    !write_file(GROUP "/cgroup.subtree_control", "+memory") ||
	    mkdir(GROUP "/sealed", 0755) != 0) {
		tap_skip("no memory cgroups", "accounting");
		umount2(GROUP, MNT_DETACH);
		return;
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file(GROUP "/sealed/cgroup.procs", pid);

	fd = make_sealed(SIZE);
	before = group_charge();
	tap_must(allocate(fd, 0, SIZE), "fallocate");
	tap_check(group_charge() - before >= SIZE, "the memory cgroup is charged");
	tap_must(punch(fd, 0, SIZE), "fallocate");
	/* Charges are given back in batches. */
	tap_check(group_charge() - before < SIZE / 2, "and no more once there is a hole");
	close(fd);

	write_file(GROUP "/cgroup.procs", pid);
	rmdir(GROUP "/sealed");
	umount2(GROUP, MNT_DETACH);
	rmdir(GROUP);
}

int main(void)
{
	test_flag();
	test_seal();
	test_refusals();
	check_no_dma_buf();
	test_no_huge_pages();
	test_unevictable();
	test_memory_group();
	return tap_finish();
}
