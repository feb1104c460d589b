/* SPDX-License-Identifier: Apache-2.0 */
/* A library that is no back end, under a back end's name. */
int something_else(void);
int something_else(void) { return 1; }
