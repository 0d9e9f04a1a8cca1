/* SPDX-License-Identifier: MIT */
#include "docker/remedy.h"

#include "base/err.h"
#include "docker/endpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define SET_TLS "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to its ca.pem, cert.pem and key.pem"

/* --- unix ----------------------------------------------------------------------------------- */

static void remedy_unix(const char *path, const struct err *why, struct err *ret)
{
	struct stat st;
	if (why->code == -ENOENT)
		err_kind(ret, why->code, why->kind,
			 "%s; is Docker running, and is its socket mounted "
			 "(-v /var/run/docker.sock:/var/run/docker.sock)?",
			 why->text);
	else if (why->code == -ECONNREFUSED)
		err_kind(ret, why->code, why->kind, "%s; is Docker running?", why->text);
	else if (why->code == -EACCES && stat(path, &st) == 0)
		err_kind(ret, why->code, why->kind,
			 "%s; its group is %u: add group_add: [\"%u\"] to the service (docker run "
			 "--group-add %u)",
			 why->text, st.st_gid, st.st_gid, st.st_gid);
}

/* --- TLS ------------------------------------------------------------------------------------ */

/* What the words of a failed handshake mean; the first that fits counts. */
static const struct {
	const char *words;
	bool names_dir; /* the remedy ends with where the files are */
	const char *remedy;
} tls_remedies[] = {
	{ "alert certificate expired", true, "our client certificate has expired: renew" },
	{ "alert bad certificate", true,
	  "it does not take our client certificate: one of its CA, not expired, belongs into" },
	{ "alert unknown ca", true,
	  "it does not take our client certificate: one of its CA belongs into" },
	{ "alternative certificate subject name", false,
	  "connect by a name that its certificate has, or make it one with "
	  "subjectAltName=DNS:… or IP:… of this name" },
	{ "does not match target host", false,
	  "connect by a name that its certificate has, or make it one with "
	  "subjectAltName=DNS:… or IP:… of this name" },
	{ "certificate has expired", false, "renew the engine's certificate" },
	{ "certificate is not yet valid", false, "compare the clocks of the two machines" },
	{ "issuer certificate", true, "its certificate is of another CA than ca.pem in" },
	{ "self-signed certificate", true, "its certificate is of another CA than ca.pem in" },
	{ "self signed certificate", true, "its certificate is of another CA than ca.pem in" },
	{ "certificate signature failure", true,
	  "its certificate is of another CA than ca.pem in" },
	{ "wrong version number", false,
	  "it does not speak TLS there: is the port right (2376), or unset DOCKER_TLS_VERIFY" },
	{ "HTTP request to an HTTPS server", false, SET_TLS },
};

static bool is_tls(const struct docker_endpoint *ep)
{
	return strncmp(ep->base_url, "https:", 6) == 0;
}

static void remedy_tls(const struct docker_endpoint *ep, const struct err *why, struct err *ret)
{
	const char *dir = ep->cert_dir ? ep->cert_dir : "DOCKER_CERT_PATH";
	/* Engines name it differently; one that hangs up may even take its alert back. */
	bool is_refused = strcasestr(why->text, " alert ") || why->code == -ECONNRESET;
	if (is_tls(ep) && !ep->cert_file && is_refused) {
		err_kind(ret, why->code, why->kind,
			 "%s; it wants a client certificate: put cert.pem and key.pem into %s",
			 why->text, dir);
		return;
	}
	for (size_t i = 0; i < sizeof(tls_remedies) / sizeof(tls_remedies[0]); i++) {
		if (!strcasestr(why->text, tls_remedies[i].words))
			continue;
		bool names_dir = tls_remedies[i].names_dir;
		err_kind(ret, why->code, why->kind, "%s; %s%s%s", why->text, tls_remedies[i].remedy,
			 names_dir ? " " : "", names_dir ? dir : "");
		return;
	}
}

void docker_remedy(const struct docker_endpoint *ep, const struct err *why, struct err *ret)
{
	*ret = *why;
	if (ep->unix_path)
		remedy_unix(ep->unix_path, why, ret);
	else
		remedy_tls(ep, why, ret);
}
