# SPDX-License-Identifier: BSD-2-Clause
# TARN_COVERAGE
# --enable-coverage. Sets COVERAGE_FLAGS, for compiling and linking, GCOV, and
# the conditional COVERAGE. Has to come before AC_PROG_CC, whose -O2 would
# merge lines: it replaces that default, and nothing that the user has set.
# A function inlined by force would have its branches again in each caller.
AC_DEFUN([TARN_COVERAGE], [
AC_ARG_ENABLE([coverage],
	[AS_HELP_STRING([--enable-coverage],
		[count what the tests run; then: make coverage])],
	[],
	[enable_coverage=no])
AS_IF([test "x$enable_coverage" != xno],
	[COVERAGE_FLAGS='--coverage -fprofile-update=atomic'
	 COVERAGE_FLAGS="$COVERAGE_FLAGS -Dalways_inline=unused"
	 : ${CFLAGS='-O0 -g'}])
AC_SUBST([COVERAGE_FLAGS])
AM_CONDITIONAL([COVERAGE], [test "x$enable_coverage" != xno])
AC_ARG_VAR([GCOV], [gcov, or llvm-cov gcov for clang])
AC_CHECK_TOOL([GCOV], [gcov])
])
