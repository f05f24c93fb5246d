/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check [MODEL...]: checks these models, or all. A line for each, and 1 at the
 * first that fails.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "models.h"

static const struct model *const all[] = {
	litmus_models,  cursor_models, pool_models,
	cleanup_models, depot_models,  local_models,
	large_models,   reuse_models,  cache_models};

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

static int check(const struct model *model)
{
	clock_t start = clock();
	struct model_counts counts;
	int threads = 0;

	while (threads < MODEL_THREADS && model->threads[threads] != NULL)
		threads++;
	printf("%-20s %d threads: ", model->name, threads);
	fflush(stdout);
	counts = model_check(model);
	if (model->fails != NULL) {
		printf("%s: %s\n",
		       counts.failed ? "fails, as it must" : "should fail",
		       model->fails);
		return counts.failed ? 0 : 1;
	}
	printf("%lu executions, %lu of them wait for another, %.1f s\n",
	       counts.complete + counts.blocked, counts.blocked,
	       (double)(clock() - start) / CLOCKS_PER_SEC);
	if (model->known == 0 || counts.complete == model->known)
		return 0;
	printf("%-20s it must have %lu\n", model->name, model->known);
	return 1;
}

int main(int argc, char **argv)
{
	int status = 0, checked = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct model *model = all[i]; model->name != NULL;
		     model++)
			if (is_wanted(model->name, argc, argv)) {
				status |= check(model);
				checked++;
			}
	if (checked == 0)
		printf("no such model\n");
	return checked != 0 ? status : 1;
}
