# SPDX-License-Identifier: BSD-2-Clause
# TARN_PROBES
# --disable-probes, --enable-probes. Defines HAVE_PROBES where the library is to
# have static probes: by default where there is <sys/sdt.h>.
AC_DEFUN([TARN_PROBES], [
AC_ARG_ENABLE([probes],
	[AS_HELP_STRING([--disable-probes],
		[no static probes (default: where sys/sdt.h is found)])],
	[],
	[enable_probes=auto])
AS_IF([test "x$enable_probes" != xno],
	[AC_CHECK_HEADER([sys/sdt.h], [tarn_sdt=yes], [tarn_sdt=no])
	 AS_CASE([$enable_probes,$tarn_sdt],
		[*,yes], [enable_probes=yes],
		[auto,no],
			[enable_probes='no (optional; Debian: systemtap-sdt-dev)'],
		[AC_MSG_ERROR([--enable-probes needs sys/sdt.h])])])
AS_IF([test "x$enable_probes" = xyes],
	[AC_DEFINE([HAVE_PROBES], [1], [Whether there are static probes.])])
])
