/* SPDX-License-Identifier: GPL-2.0 */
/* Results in the Test Anything Protocol: one line a check, a plan at the end. */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

__attribute__((format(printf, 1, 2)))
static inline void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("# ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
}

/* Returns @passed. */
__attribute__((format(printf, 2, 3)))
static inline bool tap_check(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	tap_failures += !passed;
	return passed;
}

__attribute__((format(printf, 2, 3)))
static inline void tap_skip(const char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("ok %d - ", ++tap_count);
	vprintf(format, args);
	printf(" # SKIP %s\n", why);
	va_end(args);
	fflush(stdout);
}

/* That a call returned -1 with @error in errno, which must not have changed. */
static inline bool tap_check_errno(long result, int error, const char *what)
{
	int got = result < 0 ? errno : 0;

	if (got != error)
		tap_note("%s: %s", what, got ? strerrorname_np(got) : "succeeded");
	return tap_check(got == error, "%s: %s", what,
			 error ? strerrorname_np(error) : "works");
}

/* Ends a test that cannot go on. */
__attribute__((noreturn))
static inline void tap_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int tap_must(long result, const char *what)
{
	if (result < 0)
		tap_die(what);
	return result;
}

/* The exit code of the test. */
static inline int tap_finish(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failures)
		tap_note("%d of %d failed", tap_failures, tap_count);
	return tap_failures ? 1 : 0;
}

#endif
