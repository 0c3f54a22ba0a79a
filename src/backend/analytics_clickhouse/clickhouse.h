/*
 * The analytics port over ClickHouse's HTTP interface. docs/analytics.md says what it sends, which
 * rights the users need, and how it behaves with several hosts.
 */
#ifndef HS_BACKEND_ANALYTICS_CLICKHOUSE_CLICKHOUSE_H
#define HS_BACKEND_ANALYTICS_CLICKHOUSE_CLICKHOUSE_H

#include "port/analytics.h"

extern const struct hs_analytics_ops hs_analytics_clickhouse_ops;

#endif
