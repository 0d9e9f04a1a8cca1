/* SPDX-License-Identifier: MIT */
/*
 * replay: gives each file of argv to a fuzz target, once. Linked with one tests/fuzz/fuzz_X.c in place of libFuzzer, so
 * that a corpus is a regression test with any compiler.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	FILE *in = fopen(path, "re");
	if (!in || fseek(in, 0, SEEK_END) < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size_t size = (size_t)ftell(in);
	rewind(in);
	uint8_t *data = malloc(
		size ? size : 1); /* not one byte more: a sanitizer shall see what reads past it */
	if (!data || fread(data, 1, size, in) != size) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(in);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return EXIT_SUCCESS;
}
