# SPDX-License-Identifier: BSD-2-Clause
# TARN_BOOST_JSON
# Looks for Boost.JSON, whose headers alone are used; optional, for one test.
# Sets BOOST_JSON_CFLAGS, and the conditional HAVE_BOOST_JSON.
AC_DEFUN([TARN_BOOST_JSON], [
AC_REQUIRE([TARN_CXX17])
AC_ARG_VAR([BOOST_JSON_CFLAGS], [C++ compiler flags for Boost.JSON])
tarn_have_boost_json=no
AC_MSG_CHECKING([for Boost.JSON])
AS_IF([test "x$tarn_cv_cxx17" = xyes], [
	AC_LANG_PUSH([C++])
	tarn_saved_CPPFLAGS=$CPPFLAGS tarn_saved_CXXFLAGS=$CXXFLAGS
	CPPFLAGS="$CPPFLAGS $BOOST_JSON_CFLAGS"
	CXXFLAGS="$CXXFLAGS -std=c++17"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM(
		[[#include <boost/json/memory_resource.hpp>]],
		[[return sizeof(boost::json::memory_resource) == 0;]])],
		[tarn_have_boost_json=yes])
	CPPFLAGS=$tarn_saved_CPPFLAGS CXXFLAGS=$tarn_saved_CXXFLAGS
	AC_LANG_POP([C++])])
AC_MSG_RESULT([$tarn_have_boost_json])
AM_CONDITIONAL([HAVE_BOOST_JSON], [test "x$tarn_have_boost_json" = xyes])
])
