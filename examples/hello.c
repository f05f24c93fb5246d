/* SPDX-License-Identifier: BSD-2-Clause */
/* hello: allocate from a pool what you like, and free it with one call. */
#include <stdio.h>
#include <tarn.h>

int main(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	if (!pool)
		return 1;
	int *squares = tarn_palloc(pool, 10 * sizeof(*squares));
	long *sum = tarn_new(pool, long);
	int status = 1;
	if (squares && sum) {
		*sum = 0;
		for (int i = 0; i < 10; i++)
			*sum += squares[i] = i * i;
		char *text = tarn_psprintf(pool, "ten squares: %ld", *sum);
		if (text)
			status = puts(text) < 0;
	}
	tarn_pool_destroy(pool);
	return status;
}
