# SPDX-License-Identifier: BSD-2-Clause
# TARN_CXX17
# Sets the conditional HAVE_CXX17: a C++ compiler is there and does C++17.
# The header is for C++ too and is tested so; nothing else needs it.
AC_DEFUN([TARN_CXX17], [
AC_REQUIRE([AC_PROG_CXX])
AC_CACHE_CHECK([whether $CXX does C++17], [tarn_cv_cxx17], [
	AC_LANG_PUSH([C++])
	tarn_saved_CXXFLAGS=$CXXFLAGS
	CXXFLAGS="$CXXFLAGS -std=c++17"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <memory_resource>]],
		[[if constexpr (sizeof(std::pmr::memory_resource) == 0)
			return 1;]])],
		[tarn_cv_cxx17=yes],
		[tarn_cv_cxx17=no])
	CXXFLAGS=$tarn_saved_CXXFLAGS
	AC_LANG_POP([C++])])
AM_CONDITIONAL([HAVE_CXX17], [test "x$tarn_cv_cxx17" = xyes])
])
