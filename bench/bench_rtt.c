/* SPDX-License-Identifier: MIT */
/*
 * bench_rtt: one agent, the same requests to the same MCP server over several ways to it, in turn, in one run.
 *   bench_rtt MODE BYTES COUNT REPEATS SIDE...
 * MODE   rtt: one request at a time; lines of BYTES both ways. One output line a repetition:
 *             NAME MEDIAN P99 MIN MAX, in nanoseconds.
 *        up: lines of BYTES both ways, several under way. down: small requests, answers of BYTES. Output: NAME BYTES/S.
 * SIDE   NAME=fifo:DIR        DIR/in and DIR/out, as an agent of mcpinit has them
 *        NAME=run:WORD WORD…  a program's stdin and stdout
 *        NAME=attach:SOCKET:ID   a created container: attached to, then started, through the engine's API
 * COUNT round trips a side and repetition, in blocks that alternate between the sides: what disturbs one disturbs all.
 * An answer with another id than that of a request under way ends it with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIDES    4
#define BLOCK	     250
#define WARM_UP	     200
#define WINDOW_BYTES (1 << 20) /* under way in up and down; 64 lines at most */
#define WINDOW_LINES 64
#define BUF_BYTES    (1 << 18)

struct side {
	const char *name;
	int in, out;	/* we write in, and read out */
	bool is_framed; /* an attach: 8 bytes of header before each piece */
	unsigned char head[8];
	size_t head_len, frame_left;
	char *buf; /* BUF_BYTES + 1; len of them read, pos of them seen */
	size_t len, pos;
	char *line; /* the answer: line_len bytes, never more than line_max */
	size_t line_len;
	long long *took_ns; /* of each round trip of this repetition */
};

struct bench {
	bool is_down;
	size_t bytes, count, line_max;
	struct side sides[MAX_SIDES];
	size_t n_sides;
	char *request;
	size_t request_len;
	long id;
};

static _Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("bench_rtt: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* --- the ways to a server ------------------------------------------------------------------------ */

static void open_fifo(struct side *s, const char *dir)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/in", dir);
	s->in = open(path, O_WRONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/out", dir);
	s->out = open(path, O_RDONLY | O_CLOEXEC);
	if (s->in < 0 || s->out < 0)
		die("%s: %s", path, strerror(errno));
}

static void open_run(struct side *s, char *command)
{
	char *argv[64];
	size_t n = 0;
	for (char *word = strtok(command, " "); word && n < 63; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	int to[2], from[2];
	if (!n || pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		die("%s: cannot be run: %s", s->name, strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		die("fork: %s", strerror(errno));
	close(to[0]);
	close(from[1]);
	s->in = to[1];
	s->out = from[0];
}

/* A request without body; the connection stands where the answer's head ended. */
static int ask_engine(const char *socket_path, const char *path, const char *header, const char *ok)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("%s: %s", socket_path, strerror(errno));
	char text[4096];
	int n = snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n%s\r\n", path,
			 header);
	if (write(fd, text, (size_t)n) != n)
		die("the engine does not listen");
	size_t len = 0;
	text[0] = '\0';
	while (len < sizeof(text) - 1 && !strstr(text, "\r\n\r\n")) {
		if (read(fd, text + len, 1) != 1)
			die("%s: the engine hung up", path);
		text[++len] = '\0';
	}
	if (!strstr(text, ok))
		die("%s: %s", path, text);
	return fd;
}

static void open_attach(struct side *s, char *socket_path)
{
	char path[512];
	char *id = strchr(socket_path, ':');
	if (!id)
		die("attach:SOCKET:ID");
	*id++ = '\0';
	snprintf(path, sizeof(path), "/containers/%s/attach?stream=1&stdin=1&stdout=1", id);
	s->in = s->out =
		ask_engine(socket_path, path, "Connection: Upgrade\r\nUpgrade: tcp\r\n", " 101 ");
	s->is_framed = true;
	snprintf(path, sizeof(path), "/containers/%s/start", id);
	close(ask_engine(socket_path, path, "", " 204 "));
}

static void open_side(struct bench *b, char *text)
{
	struct side *s = &b->sides[b->n_sides++];
	char *kind = strchr(text, '=');
	char *value = kind ? strchr(kind, ':') : NULL;
	if (!value)
		die("a side is NAME=fifo:…, NAME=run:… or NAME=attach:…");
	*kind++ = *value++ = '\0';
	s->name = text;
	s->buf = malloc(BUF_BYTES + 1);
	s->line = malloc(b->line_max);
	s->took_ns = calloc(b->count, sizeof(*s->took_ns));
	if (!s->buf || !s->line || !s->took_ns)
		die("out of memory");
	if (!strcmp(kind, "fifo"))
		open_fifo(s, value);
	else if (!strcmp(kind, "run"))
		open_run(s, value);
	else if (!strcmp(kind, "attach"))
		open_attach(s, value);
	else
		die("what is '%s'? fifo, run or attach", kind);
}

/* --- lines ---------------------------------------------------------------------------------------- */

/* Takes the frames' heads out of what was read, in place; what is left of it. */
static size_t unframe(struct side *s, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n;) {
		if (s->frame_left) {
			size_t piece = s->frame_left < n - i ? s->frame_left : n - i;
			memmove(s->buf + kept, s->buf + i, piece);
			kept += piece;
			i += piece;
			s->frame_left -= piece;
			continue;
		}
		s->head[s->head_len++] = (unsigned char)s->buf[i++];
		if (s->head_len < sizeof(s->head))
			continue;
		s->head_len = 0;
		s->frame_left = (size_t)s->head[4] << 24 | (size_t)s->head[5] << 16 |
				(size_t)s->head[6] << 8 | s->head[7];
	}
	return kept;
}

/* Reads once; false when there is nothing now. */
static bool fill(struct side *s)
{
	ssize_t n = read(s->out, s->buf, BUF_BYTES);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("%s: %s", s->name, n ? strerror(errno) : "the stream ended");
	s->len = s->is_framed ? unframe(s, (size_t)n) : (size_t)n;
	s->pos = 0;
	return true;
}

/* Moves what was read into the line; true when that completes it. */
static bool next_line(const struct bench *b, struct side *s)
{
	char *from = s->buf + s->pos;
	char *end = memchr(from, '\n', s->len - s->pos);
	size_t n = end ? (size_t)(end - from) : s->len - s->pos;
	if (s->line_len + n >= b->line_max)
		die("%s: an answer is longer than expected", s->name);
	memcpy(s->line + s->line_len, from, n);
	s->line_len += n;
	s->line[s->line_len] = '\0';
	s->pos += n + (end ? 1 : 0);
	return end;
}

/* The id of the answer in the line, which it empties: at its end, as fake_mcp writes it, or at its start. */
static long take_answer(struct side *s)
{
	size_t tail = s->line_len < 64 ? s->line_len : 64;
	const char *id = strstr(s->line + s->line_len - tail, "\"id\":");
	if (!id)
		id = strstr(s->line, "\"id\":");
	s->line_len = 0;
	if (!id)
		die("%s: this is no answer: %.200s", s->name, s->line);
	return atol(id + 5);
}

#define CALL "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{\"name\":"

static void make_request(struct bench *b)
{
	static const char tail[] = "\"}}}\n";
	b->id++;
	if (b->is_down) {
		b->request_len = (size_t)snprintf(b->request, b->line_max,
						  CALL "\"big\",\"arguments\":{\"bytes\":%zu}}}\n",
						  b->id, b->bytes);
		return;
	}
	size_t head = (size_t)snprintf(b->request, b->line_max,
				       CALL "\"echo\",\"arguments\":{\"text\":\"", b->id);
	size_t fixed = head + sizeof(tail) - 1;
	size_t text = b->bytes > fixed ? b->bytes - fixed : 0;
	memset(b->request + head, 'x', text);
	memcpy(b->request + head + text, tail, sizeof(tail));
	b->request_len = fixed + text;
}

static void write_all(const struct side *s, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(s->in, p, n);
		if (done < 0)
			die("%s: %s", s->name, strerror(errno));
		p += done;
		n -= (size_t)done;
	}
}

static void read_answer(const struct bench *b, struct side *s, long id)
{
	while (!next_line(b, s))
		fill(s);
	if (take_answer(s) != id)
		die("%s: the answer to another request: %.200s", s->name, s->line);
}

static void shake_hands(const struct bench *b, struct side *s)
{
	static const char hello[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{"
		"\"name\":\"bench\",\"version\":\"1\"}}}\n";
	static const char ready[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	write_all(s, hello, sizeof(hello) - 1);
	read_answer(b, s, 0);
	write_all(s, ready, sizeof(ready) - 1);
}

/* --- one request at a time ------------------------------------------------------------------------ */

static long long round_trip(struct bench *b, struct side *s)
{
	make_request(b);
	long long start = now_ns();
	write_all(s, b->request, b->request_len);
	read_answer(b, s, b->id);
	return now_ns() - start;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;
	return (x > y) - (x < y);
}

static void run_rtt(struct bench *b)
{
	for (size_t done = 0; done < b->count; done += BLOCK) {
		for (size_t i = 0; i < b->n_sides; i++) {
			struct side *s = &b->sides[i];
			for (size_t n = done; n < done + BLOCK && n < b->count; n++)
				s->took_ns[n] = round_trip(b, s);
		}
	}
	for (size_t i = 0; i < b->n_sides; i++) {
		long long *took = b->sides[i].took_ns;
		qsort(took, b->count, sizeof(*took), compare);
		printf("%s %lld %lld %lld %lld\n", b->sides[i].name, took[b->count / 2],
		       took[b->count * 99 / 100], took[0], took[b->count - 1]);
	}
}

/* --- several under way ---------------------------------------------------------------------------- */

static void run_bulk_side(struct bench *b, struct side *s)
{
	size_t window = WINDOW_BYTES / b->bytes + 1, sent = 0, received = 0, left = 0;
	const long first = b->id + 1;
	if (window > WINDOW_LINES)
		window = WINDOW_LINES;
	long long start = now_ns();
	while (received < b->count) {
		if (!left && sent < b->count && sent - received < window) {
			make_request(b);
			left = b->request_len;
			sent++;
		}
		struct pollfd fds[2] = { { .fd = s->out, .events = POLLIN },
					 { .fd = left ? s->in : -1, .events = POLLOUT } };
		if (poll(fds, 2, 60000) <= 0)
			die("%s: no answer for a minute", s->name);
		if (fds[1].revents) {
			ssize_t n = write(s->in, b->request + b->request_len - left, left);
			if (n < 0 && errno != EAGAIN)
				die("%s: %s", s->name, strerror(errno));
			left -= n > 0 ? (size_t)n : 0;
		}
		if (fds[0].revents && fill(s)) {
			while (next_line(b, s)) {
				long id = take_answer(s);
				if (id < first || id > b->id)
					die("%s: an answer to nothing: %ld", s->name, id);
				received++;
			}
		}
	}
	double seconds = (double)(now_ns() - start) / 1e9;
	printf("%s %.0f\n", s->name, (double)(b->bytes * b->count) / seconds);
}

static void run_bulk(struct bench *b)
{
	for (size_t i = 0; i < b->n_sides; i++) {
		struct side *s = &b->sides[i];
		fcntl(s->in, F_SETFL, fcntl(s->in, F_GETFL) | O_NONBLOCK);
		fcntl(s->out, F_SETFL, fcntl(s->out, F_GETFL) | O_NONBLOCK);
		run_bulk_side(b, s);
	}
}

int main(int argc, char **argv)
{
	if (argc < 6 || argc > 5 + MAX_SIDES)
		die("MODE BYTES COUNT REPEATS SIDE…; see the head of bench_rtt.c");
	const bool is_rtt = !strcmp(argv[1], "rtt");
	struct bench b = {
		.is_down = !strcmp(argv[1], "down"),
		.bytes = strtoul(argv[2], NULL, 10),
		.count = strtoul(argv[3], NULL, 10),
	};
	b.line_max = b.bytes + 4096;
	b.request = malloc(b.line_max);
	if (!b.request || !b.bytes || !b.count)
		die("BYTES and COUNT are numbers above 0");
	for (int i = 5; i < argc; i++)
		open_side(&b, argv[i]);
	for (size_t i = 0; i < b.n_sides; i++) {
		shake_hands(&b, &b.sides[i]);
		for (int n = 0; is_rtt && n < WARM_UP; n++)
			round_trip(&b, &b.sides[i]);
	}
	for (int n = atoi(argv[4]); n > 0; n--) {
		if (is_rtt)
			run_rtt(&b);
		else
			run_bulk(&b);
		fflush(stdout);
	}
	return 0;
}
