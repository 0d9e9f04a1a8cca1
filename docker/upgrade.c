/* SPDX-License-Identifier: MIT */
#include "docker/upgrade.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of the body; where it is not said, what may come at most. */
static size_t body_length(const char *head, const char *end)
{
	static const char name[] = "\r\nContent-Length:";
	for (const char *line = head; (line = strstr(line, "\r\n")) && line < end; line += 2)
		if (strncasecmp(line, name, sizeof(name) - 1) == 0)
			return strtoul(line + sizeof(name) - 1, NULL, 10);
	return UPGRADE_MAX_BODY;
}

/* "HTTP/1.1 101 …"; 0: it is not that. */
static int status_of(const char *head)
{
	static const char start[] = "HTTP/1.";
	if (strncmp(head, start, sizeof(start) - 1) != 0)
		return 0;
	const char *digits = head + sizeof(start);
	if (digits[-1] == '\0' || digits[0] != ' ')
		return 0;
	for (int i = 1; i <= 3; i++)
		if (!isdigit((unsigned char)digits[i]))
			return 0;
	return atoi(digits + 1);
}

enum upgrade_verdict upgrade_read(const char *text, size_t n, bool is_end, struct upgrade *ret)
{
	const char *end = n ? strstr(text, "\r\n\r\n") : NULL;
	if (!end)
		return is_end || n >= UPGRADE_MAX_HEAD ? UPGRADE_BROKEN : UPGRADE_MORE;
	*ret = (struct upgrade){ .status = status_of(text), .head = (size_t)(end - text) + 4 };
	if (ret->status == 0)
		return UPGRADE_BROKEN;
	/* 200: a proxy dropped our wish to upgrade; the engine hijacks all the same. */
	if (ret->status == 101 || ret->status == 200)
		return UPGRADE_DONE;
	size_t body = n - ret->head;
	bool is_whole = body >= body_length(text, end) || body >= UPGRADE_MAX_BODY;
	return is_whole || is_end ? UPGRADE_REFUSED : UPGRADE_MORE;
}
