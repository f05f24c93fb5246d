# SPDX-License-Identifier: BSD-2-Clause
# TARN_SYSTEM
# Which files of lib/ speak to this system: the conditional WINDOWS, and
# LINUX_PAGES where it is not. And what those files find there. Each of these
# can be said to be missing, for the fallback: by the variable of its cache.
AC_DEFUN([TARN_SYSTEM], [
AC_REQUIRE([AC_CANONICAL_HOST])
AS_CASE([$host_os], [mingw*], [tarn_windows=yes], [tarn_windows=no])
AM_CONDITIONAL([WINDOWS], [test "x$tarn_windows" = xyes])
# printf as in C, for the library and the tests.
AS_IF([test "x$tarn_windows" = xyes],
	[SYSTEM_CPPFLAGS=-D__USE_MINGW_ANSI_STDIO=1
	SYSTEM_LIBS=-lntdll])
AC_SUBST([SYSTEM_CPPFLAGS])
AC_SUBST([SYSTEM_LIBS])

AC_CHECK_FUNCS([secure_getenv dl_iterate_phdr getauxval backtrace])
AC_CHECK_DECLS([PTHREAD_MUTEX_ROBUST], [], [], [[#include <pthread.h>]])

AC_CACHE_CHECK([for mremap and large pages], [tarn_cv_linux_pages], [
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[
		#include <stddef.h>
		#include <sys/mman.h>
		]], [[
		madvise(NULL, 0, MADV_HUGEPAGE);
		return mremap(NULL, 0, 0, MREMAP_MAYMOVE) == NULL;
		]])],
		[tarn_cv_linux_pages=yes],
		[tarn_cv_linux_pages=no])])
AM_CONDITIONAL([LINUX_PAGES], [test "x$tarn_cv_linux_pages" = xyes])
AS_IF([test "x$tarn_cv_linux_pages" = xyes],
	[tarn_linux_pages=1],
	[tarn_linux_pages=0])
AC_DEFINE_UNQUOTED([HAVE_LINUX_PAGES], [$tarn_linux_pages],
	[1 where pages are resized and large ones asked for, or 0.])

# A promise of the C libraries of Linux, not of POSIX.
AC_CACHE_CHECK([whether a mutex is plain memory], [tarn_cv_plain_mutex], [
	AS_CASE([$host_os],
		[linux*], [tarn_cv_plain_mutex=yes],
		[tarn_cv_plain_mutex=no])])
AS_IF([test "x$tarn_cv_plain_mutex" = xyes],
	[AC_DEFINE([HAVE_PLAIN_MUTEX], [1],
		[Whether a mutex needs no call to end.])])

# The linker of a shared object has to take them, too, where one is built.
AC_CACHE_CHECK([for names that may be missing], [tarn_cv_weak], [
	tarn_saved_LDFLAGS=$LDFLAGS
	tarn_saved_CFLAGS=$CFLAGS
	AS_IF([test "x$tarn_windows" = xno && test "x$enable_shared" = xyes],
		[LDFLAGS="$LDFLAGS -shared"
		CFLAGS="$CFLAGS -fPIC"])
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
		#ifdef _WIN32
		#error a name is bound when it is linked
		#endif
		extern void missing(void) __attribute__((weak));
		int is_there(void);
		int is_there(void) { return missing != 0; }
		]])],
		[tarn_cv_weak=yes],
		[tarn_cv_weak=no])
	LDFLAGS=$tarn_saved_LDFLAGS
	CFLAGS=$tarn_saved_CFLAGS])
AS_IF([test "x$tarn_cv_weak" = xyes],
	[AC_DEFINE([HAVE_WEAK], [1], [Whether a name may be missing.])])
AM_CONDITIONAL([WEAK], [test "x$tarn_cv_weak" = xyes])
])
