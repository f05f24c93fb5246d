# SPDX-License-Identifier: BSD-2-Clause
# TARN_LUA
# Looks for Lua 5.4, by the names that systems have for it; optional. Sets
# LUA_CFLAGS, LUA_LIBS, and the conditional HAVE_LUA.
AC_DEFUN([TARN_LUA], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
AC_ARG_VAR([LUA_CFLAGS], [C compiler flags for Lua 5.4])
AC_ARG_VAR([LUA_LIBS], [linker flags for Lua 5.4])
AC_MSG_CHECKING([for Lua 5.4])
for tarn_module in lua5.4 lua-5.4 lua54; do
	AS_IF([test -z "$LUA_LIBS" && test -n "$PKG_CONFIG" &&
		$PKG_CONFIG --exists $tarn_module],
		[LUA_CFLAGS=`$PKG_CONFIG --cflags $tarn_module`
		 LUA_LIBS=`$PKG_CONFIG --libs $tarn_module`])
done
tarn_saved_CPPFLAGS=$CPPFLAGS tarn_saved_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $LUA_CFLAGS" LIBS="$LUA_LIBS $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <lauxlib.h>
	#if LUA_VERSION_NUM != 504
	#error another version
	#endif]], [[luaL_loadstring(lua_newstate(0, 0), "");]])],
	[tarn_have_lua=yes],
	[tarn_have_lua=no])
CPPFLAGS=$tarn_saved_CPPFLAGS LIBS=$tarn_saved_LIBS
AC_MSG_RESULT([$tarn_have_lua])
AM_CONDITIONAL([HAVE_LUA], [test "x$tarn_have_lua" = xyes])
])
