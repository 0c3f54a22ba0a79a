-- Probe tables keep nothing: the loader tries rows on them to find those that the store refuses.

CREATE TABLE IF NOT EXISTS haystat.probe_searches AS haystat.searches ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_results AS haystat.results ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_errors AS haystat.errors ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_spans AS haystat.spans ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_logs AS haystat.logs ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_search_by_query AS haystat.search_by_query ENGINE = Null;
CREATE TABLE IF NOT EXISTS haystat.probe_trace_by_id AS haystat.trace_by_id ENGINE = Null;
