/* SPDX-License-Identifier: MIT */
#include "docker/remedy.h"

#include "base/err.h"
#include "docker/client.h"
#include "docker/endpoint.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct docker_endpoint tls = { .base_url = (char *)"https://engine:2376",
					    .cert_dir = (char *)"/certs",
					    .cert_file = (char *)"/certs/cert.pem" };
static const struct docker_endpoint bare = { .base_url = (char *)"https://engine:2376",
					     .cert_dir = (char *)"/certs" };
static const struct docker_endpoint plain = { .base_url = (char *)"http://engine:2376" };
static const struct docker_endpoint local = { .base_url = (char *)"http://localhost",
					      .unix_path = (char *)"/nowhere/docker.sock" };

static const struct {
	const struct docker_endpoint *ep;
	int code;
	const char *why, *says; /* NULL: nothing more */
} cases[] = {
	{ &local, -ENOENT, "cannot connect", "is its socket mounted" },
	{ &local, -ECONNREFUSED, "cannot connect", "is Docker running?" },
	{ &local, -ETIMEDOUT, "no answer", NULL },
	{ &tls, -EPROTO, "SSL certificate problem: unable to get local issuer certificate",
	  "another CA than ca.pem in /certs" },
	{ &tls, -EPROTO, "SSL certificate problem: certificate has expired", "renew the engine's" },
	{ &tls, -EPROTO,
	  "SSL: no alternative certificate subject name matches target host name 'engine'",
	  "subjectAltName" },
	{ &tls, -ECONNRESET, "error:0A000412:SSL routines::sslv3 alert bad certificate",
	  "our client certificate: one of its CA, not expired, belongs into /certs" },
	{ &tls, -ECONNRESET, "error:0A000415:SSL routines::sslv3 alert certificate expired",
	  "our client certificate has expired: renew /certs" },
	{ &bare, -ECONNRESET, "error:0A00045C:SSL routines::tlsv13 alert certificate required",
	  "put cert.pem and key.pem into /certs" },
	{ &bare, -ECONNRESET, "error:0A000412:SSL routines::sslv3 alert bad certificate",
	  "put cert.pem and key.pem into /certs" },
	{ &bare, -ECONNRESET, "Connection reset by peer", "it wants a client certificate" },
	{ &tls, -ECONNRESET, "Connection reset by peer", NULL },
	{ &tls, -EPROTO, "error:0A00010B:SSL routines::wrong version number",
	  "it does not speak TLS there" },
	{ &plain, -EREMOTEIO, "Client sent an HTTP request to an HTTPS server.",
	  "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH" },
	{ &plain, -ECONNREFUSED, "cannot connect", NULL },
};
enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };

START_TEST(it_says_what_to_do_behind_what_happened)
{
	struct err why, e;
	err_kind(&why, cases[_i].code, DOCKER_NETWORK, "%s", cases[_i].why);
	docker_remedy(cases[_i].ep, &why, &e);
	ck_assert_int_eq(e.code, why.code);
	ck_assert_int_eq(e.kind, DOCKER_NETWORK);
	ck_assert_int_eq(strncmp(e.text, why.text, strlen(why.text)), 0);
	if (cases[_i].says)
		ck_assert_ptr_nonnull(strstr(e.text, cases[_i].says));
	else
		ck_assert_str_eq(e.text, why.text);
}
END_TEST

Suite *suite_docker_remedy(void);
Suite *suite_docker_remedy(void)
{
	Suite *s = suite_create("docker_remedy");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, it_says_what_to_do_behind_what_happened, 0, N_CASES);
	suite_add_tcase(s, c);
	return s;
}
