/*
 * Makes libchdb survive a broken connection.
 *
 * ClickHouse as a local tool installs an error handler that ends the process for each exception
 * that leaves a thread (class KillingErrorHandler). With listeners open, half a request line and a
 * closed connection are such an exception: any client that dies at the wrong moment would abort the
 * store. A ClickHouse server has a handler that goes on, but libchdb exports no way to set one. So
 * the three functions of that class's table are replaced in memory by one that returns; the
 * connection's thread has unwound by then and closes its socket as usual.
 *
 * The table is found by the class's name in the run-time type information, not by an address, and
 * only if everything looks as it should.
 */
#ifndef HS_STORE_SURVIVE_H
#define HS_STORE_SURVIVE_H

#include "base/err.h"

/* `function` is any function of the loaded library. HS_EUNSUP: the library is built differently,
 * nothing was changed and the store ends at such connections; HS_EIO. @thread any, before the
 * library runs */
int hs_store_survive_install(const void *function, struct hs_err *err);

#endif
