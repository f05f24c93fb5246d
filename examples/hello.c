/* SPDX-License-Identifier: BSD-2-Clause */
/* hello: allocate from a pool what you like, and free it with one call. */
#include <stdio.h>
#include <tarn.h>

int main(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int *squares = pool ? tarn_new_array(pool, int, 10) : NULL;
	for (int i = 0; squares && i < 10; i++)
		squares[i] = i * i;
	char *text = squares ? tarn_psprintf(pool, "%d", squares[9]) : NULL;
	int status = !text || puts(text) < 0;
	tarn_pool_destroy(pool); /* frees all of it */
	return status;
}
