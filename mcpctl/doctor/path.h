/* SPDX-License-Identifier: MIT */
/* path: where in $PATH a program is. */
#ifndef DOCTOR_PATH_H
#define DOCTOR_PATH_H

/* The caller's; NULL: not there, or not executable for us. */
char *path_find(const char *program);

#endif
