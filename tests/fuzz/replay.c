/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a target of the fuzzer without one: on the files and directories that it
 * is given, or on the committed corpus. A broken promise ends the program.
 */
/* Names of files of any number, where words have 32 bits. */
#define _FILE_OFFSET_BITS 64

#include "target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

enum {
	FILE_MOST = 65536,
	PATH_LENGTH = 4096
};

/* The one that runs, for whoever looks at the log of a run that ended. */
static size_t replay_file(const char *path)
{
	uint8_t bytes[FILE_MOST], *exact;
	FILE *file = fopen(path, "rb");
	size_t size;

	REQUIRE(file != NULL);
	size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	printf("%s: %zu bytes\n", path, size);
	fflush(stdout);
	/* Of its exact size, which a sanitizer guards. */
	exact = malloc(size + (size == 0));
	REQUIRE(exact != NULL);
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 1;
}

/* Returns how many files there were. */
static size_t replay(const char *path)
{
	char entry_path[PATH_LENGTH];
	DIR *directory = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	if (directory == NULL)
		return replay_file(path);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(entry_path, sizeof entry_path, "%s/%s", path,
			 entry->d_name);
		count += replay_file(entry_path);
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char corpus[PATH_LENGTH];
	size_t count = 0;

	snprintf(corpus, sizeof corpus, "%s/tests/fuzz/corpus/%s",
		 srcdir != NULL ? srcdir : ".", target_name);
	if (argc == 1)
		count = replay(corpus);
	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	REQUIRE(count != 0);
	printf("100%%: Checks: %zu, Failures: 0, Errors: 0\n", count);
	return EXIT_SUCCESS;
}
