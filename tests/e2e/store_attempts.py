"""What a user of the store might try: statements that must reach nothing outside its grants.

{file} is a readable file outside the store with a mark in it, {dir} its folder (writable for the
store's account), {out} a path in that folder that does not exist, {http} and {tcp} the canary's
ports, {secrets} the folder of passwords.
"""

READ_FILES = """
SELECT file('{file}')
SELECT file('../../{file}')
SELECT file('../secrets/store_ro.password')
SELECT file('../../secrets/store_ro.password')
SELECT file('../../../secrets/store_ro.password')
SELECT file('{secrets}/store_rw.password')
SELECT file('/etc/passwd')
SELECT file('/proc/self/environ')
SELECT * FROM file('{file}', 'LineAsString')
SELECT * FROM file('{dir}/*', 'LineAsString')
SELECT * FROM filesystem('{dir}')
SELECT * FROM loop(file('{file}', 'LineAsString')) LIMIT 1
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM file('{file}', 'LineAsString')))
DESCRIBE TABLE file('{file}')
SELECT * FROM `{file}`
SELECT * FROM '{file}'
SELECT * FROM default.`{file}`
DESCRIBE TABLE default.`{file}`
SHOW CREATE TABLE default.`{file}`
SELECT * FROM sqlite('{file}', 't')
SELECT * FROM icebergLocal('{dir}')
SELECT * FROM deltaLakeLocal('{dir}')
SELECT * FROM paimonLocal('{dir}')
SELECT * FROM executable('cat', 'TSV', 'a String', (SELECT 1))
SELECT * FROM python('x')
SELECT catboostEvaluate('{file}', 1)
INSERT INTO haystat.base FROM INFILE '{file}' FORMAT CSV
SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = '{file}:M'
SELECT 1 AS a FORMAT CapnProto SETTINGS format_schema = '{file}:M'
SELECT 1 AS a FORMAT Template SETTINGS format_template_row = '{file}'
SELECT * FROM format(Template, 'a String', 'x') SETTINGS format_template_row = '{file}'
CREATE TABLE haystat.e_file (a String) ENGINE = File(CSV, '{file}')
CREATE TABLE haystat.e_sqlite (a String) ENGINE = SQLite('{file}', 't')
CREATE TABLE haystat.e_log (a String) ENGINE = FileLog('{dir}', 'CSV')
CREATE TEMPORARY TABLE e_temporary (a String) ENGINE = File(CSV, '{file}')
CREATE VIEW haystat.e_view AS SELECT * FROM file('{file}', 'LineAsString')
CREATE DATABASE evil ENGINE = Filesystem('{dir}')
CREATE DATABASE evil ENGINE = SQLite('{file}')
CREATE DICTIONARY haystat.d1 (k UInt64, v String) PRIMARY KEY k SOURCE(FILE(path '{file}' format
    'CSV')) LAYOUT(FLAT()) LIFETIME(0)
CREATE DICTIONARY haystat.d2 (k UInt64, v String) PRIMARY KEY k SOURCE(YAMLREGEXPTREE(path
    '{file}')) LAYOUT(regexp_tree) LIFETIME(0)
SELECT dictGet('{file}', 'v', toUInt64(1))
ATTACH TABLE haystat.e_attach FROM '{dir}' (a UInt8) ENGINE = MergeTree ORDER BY a
ATTACH TABLE haystat.e_uuid UUID 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' (a String) ENGINE =
    File(CSV)
RESTORE TABLE haystat.base AS haystat.e_restored FROM File('{file}')
"""

WRITE_FILES = """
SELECT 1 INTO OUTFILE '{out}'
INSERT INTO FUNCTION file('{out}', 'CSV', 'a String') VALUES ('x')
INSERT INTO haystat.base SELECT * FROM format(CSV, 'a UInt8', 'zzz') SETTINGS
    input_format_allow_errors_num = 10, input_format_record_errors_file_path = '{out}'
CREATE TABLE haystat.w_rocks (a String) ENGINE = EmbeddedRocksDB(0, '{out}') PRIMARY KEY a
CREATE TABLE haystat.w_local (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type =
    'local', path = '{out}/')
CREATE TABLE haystat.w_blob (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type =
    'local_blob_storage', path = '{out}/')
CREATE TABLE haystat.w_table (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS table_disk = 1,
    disk = disk(type = 'local', path = '{out}/')
CREATE TABLE haystat.w_set (a UInt8) ENGINE = Set SETTINGS disk = disk(type = 'local', path =
    '{out}/')
ALTER TABLE haystat.base MODIFY SETTING disk = disk(type = 'local', path = '{out}/')
ALTER TABLE haystat.base MODIFY SETTING storage_policy = 'other'
ALTER TABLE haystat.base MOVE PARTITION tuple() TO DISK 'other'
ALTER TABLE haystat.base FREEZE
ALTER TABLE haystat.base FREEZE WITH NAME '../../../../evil'
BACKUP TABLE haystat.base TO File('{out}')
BACKUP TABLE haystat.base TO Disk('default', '{out}')
BACKUP TABLE haystat.base TO Memory('m')
CREATE FUNCTION evil AS x -> x
CREATE DICTIONARY haystat.d3 (k UInt64, v String) PRIMARY KEY k SOURCE(EXECUTABLE(command 'touch
    {out}' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)
SELECT dictGet('haystat.d3', 'v', toUInt64(1))
CREATE TABLE haystat.w_executable (a String) ENGINE = Executable('touch {out}', 'TSV')
"""

NETWORK = """
SELECT * FROM url('http://127.0.0.1:{http}/a', 'CSV', 'a String')
SELECT * FROM urlCluster('default', 'http://127.0.0.1:{http}/a', 'CSV', 'a String')
DESCRIBE TABLE url('http://127.0.0.1:{http}/a')
EXPLAIN SELECT * FROM url('http://127.0.0.1:{http}/a')
INSERT INTO FUNCTION url('http://127.0.0.1:{http}/a', 'CSV', 'a String') VALUES ('x')
SELECT * FROM remote('127.0.0.1:{tcp}', system.one)
SELECT * FROM remoteSecure('127.0.0.1:{tcp}', system.one)
SELECT * FROM cluster('default', system.one)
SELECT hasColumnInTable('127.0.0.1:{tcp}', 'u', 'p', 'db', 't', 'c')
SELECT * FROM s3('http://127.0.0.1:{http}/bucket/x.csv', 'CSV', 'a String')
SELECT * FROM s3('http://127.0.0.1:{http}/bucket/x.csv', NOSIGN, 'CSV', 'a String')
SELECT * FROM gcs('http://127.0.0.1:{http}/bucket/x.csv', 'CSV')
SELECT * FROM azureBlobStorage('http://127.0.0.1:{http}/x', 'c', 'b', 'CSV')
SELECT * FROM hdfs('hdfs://127.0.0.1:{tcp}/x', 'CSV', 'a String')
SELECT * FROM deltaLake('http://127.0.0.1:{http}/bucket/d')
SELECT * FROM iceberg('http://127.0.0.1:{http}/bucket/d')
SELECT * FROM hudi('http://127.0.0.1:{http}/bucket/d')
SELECT * FROM mysql('127.0.0.1:{tcp}', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:{tcp}', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('127.0.0.1:{tcp}', 'a', 'b', 'c', 'd', 'x String')
SELECT * FROM redis('127.0.0.1:{tcp}', 'k', 'k String, v String')
SELECT * FROM arrowFlight('127.0.0.1:{tcp}', 'd')
SELECT * FROM ytsaurus('http://127.0.0.1:{http}', '//p', 't', 'a String')
SELECT * FROM jdbc('jdbc:sqlite:x', 'a', 'b')
SELECT * FROM odbc('DSN=x', 'a', 'b')
CREATE TABLE haystat.n_url (a String) ENGINE = URL('http://127.0.0.1:{http}/e', 'CSV')
CREATE TABLE haystat.n_s3 (a String) ENGINE = S3('http://127.0.0.1:{http}/e', 'CSV')
CREATE TABLE haystat.n_mysql (a UInt8) ENGINE = MySQL('127.0.0.1:{tcp}', 'd', 't', 'u', 'p')
CREATE TABLE haystat.n_kafka (a String) ENGINE = Kafka('127.0.0.1:{tcp}', 't', 'g', 'CSV')
CREATE TABLE haystat.n_rabbit (a String) ENGINE = RabbitMQ SETTINGS rabbitmq_host_port =
    '127.0.0.1:{tcp}', rabbitmq_exchange_name = 'e', rabbitmq_format = 'CSV'
CREATE TABLE haystat.n_mongo (a String) ENGINE = MongoDB('127.0.0.1:{tcp}', 'd', 'c', 'u', 'p')
CREATE TABLE haystat.n_redis (a String) ENGINE = Redis('127.0.0.1:{tcp}') PRIMARY KEY a
CREATE TABLE haystat.n_as AS remote('127.0.0.1:{tcp}', system.one)
CREATE TABLE haystat.n_distributed (a UInt8) ENGINE = Distributed('default', system, one)
CREATE TABLE haystat.n_disk (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type =
    's3', endpoint = 'http://127.0.0.1:{http}/bucket/', access_key_id = 'a', secret_access_key =
    'b')
CREATE TABLE haystat.n_web (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type =
    'web', endpoint = 'http://127.0.0.1:{http}/bucket/')
ALTER TABLE haystat.base MODIFY SETTING disk = disk(type = 'web', endpoint =
    'http://127.0.0.1:{http}/bucket/')
CREATE TEMPORARY TABLE n_temporary (a String) ENGINE = URL('http://127.0.0.1:{http}/t', 'CSV')
CREATE MATERIALIZED VIEW haystat.n_view REFRESH EVERY 1 SECOND TO haystat.base AS SELECT * FROM
    url('http://127.0.0.1:{http}/v', 'CSV', 'a UInt8')
CREATE DATABASE evil ENGINE = MySQL('127.0.0.1:{tcp}', 'd', 'u', 'p')
CREATE DATABASE evil ENGINE = PostgreSQL('127.0.0.1:{tcp}', 'd', 'u', 'p')
CREATE DATABASE evil ENGINE = DataLakeCatalog('http://127.0.0.1:{http}/dl') SETTINGS catalog_type
    = 'rest', warehouse = 'w'
CREATE DICTIONARY haystat.d4 (k UInt64, v String) PRIMARY KEY k SOURCE(HTTP(url
    'http://127.0.0.1:{http}/d' format 'CSV')) LAYOUT(FLAT()) LIFETIME(0)
SELECT dictGet('haystat.d4', 'v', toUInt64(1))
CREATE DICTIONARY haystat.d5 (k UInt64, v String) PRIMARY KEY k SOURCE(CLICKHOUSE(host
    '127.0.0.1' port {tcp} user 'default' db 'system' table 'one')) LAYOUT(FLAT()) LIFETIME(0)
SELECT dictGet('haystat.d5', 'v', toUInt64(1))
CREATE DICTIONARY haystat.d6 (k UInt64, v String) PRIMARY KEY k SOURCE(REDIS(host '127.0.0.1'
    port {tcp})) LAYOUT(FLAT()) LIFETIME(0)
BACKUP TABLE haystat.base TO S3('http://127.0.0.1:{http}/bucket/', 'a', 'b')
RESTORE TABLE haystat.base AS haystat.n_restored FROM S3('http://127.0.0.1:{http}/bucket/', 'a',
    'b')
"""

POWER = """
CREATE USER evil
CREATE ROLE evil
ALTER USER haystat_ro IDENTIFIED BY 'x'
ALTER USER default IDENTIFIED BY 'x'
DROP USER haystat_ro
GRANT ALL ON *.* TO haystat_ro
GRANT SELECT ON system.users TO haystat_ro
EXECUTE AS default SELECT 1
CREATE QUOTA q
CREATE ROW POLICY p ON haystat.base USING 0
CREATE SETTINGS PROFILE p
CREATE NAMED COLLECTION nc AS a = 1
SELECT * FROM system.role_grants
CREATE DATABASE evil
ATTACH DATABASE evil ENGINE = Atomic
DROP DATABASE haystat
DETACH DATABASE haystat
DROP DATABASE system
CREATE TABLE default.evil (a UInt8) ENGINE = Memory
CREATE TABLE system.evil (a UInt8) ENGINE = Memory
INSERT INTO system.one VALUES (1)
DROP TABLE system.one
CREATE VIEW haystat.p_none SQL SECURITY NONE AS SELECT * FROM haystat.base
CREATE VIEW haystat.p_definer DEFINER = default SQL SECURITY DEFINER AS SELECT 1
CREATE WORKLOAD all
CREATE RESOURCE r (READ ANY DISK)
SYSTEM SHUTDOWN
SYSTEM KILL
SYSTEM STOP LISTEN HTTP
SYSTEM START LISTEN MYSQL
SYSTEM RELOAD CONFIG
SYSTEM RELOAD USERS
SYSTEM DROP MARK CACHE
SYSTEM FLUSH LOGS
SYSTEM ENABLE FAILPOINT dummy_failpoint
SYSTEM STOP MERGES system.one
SYSTEM JEMALLOC PURGE
KILL QUERY WHERE query LIKE 'SELECT sleepEachRow%'
SELECT * FROM system.users
SELECT * FROM system.grants
SELECT * FROM system.settings_profiles
SELECT * FROM system.quotas
SELECT * FROM system.named_collections
SELECT * FROM system.stack_trace
SELECT * FROM system.certificates
SELECT * FROM system.models
SELECT addressToLine(1)
SELECT * FROM system.zookeeper WHERE path = '/'
SHOW CREATE USER haystat_rw
SHOW ACCESS
SELECT 1 SETTINGS max_sessions_for_user = 5, format_schema = 'x'
"""

# What haystat_rw may and a reader may not.
READER = """
INSERT INTO haystat.base VALUES (1)
CREATE TABLE haystat.r (a UInt8) ENGINE = Memory
DROP TABLE haystat.base
TRUNCATE TABLE haystat.base
ALTER TABLE haystat.base DELETE WHERE 1
OPTIMIZE TABLE haystat.base
SYSTEM STOP MERGES haystat.base
CREATE TEMPORARY TABLE r (a UInt8)
SELECT 1 SETTINGS readonly = 0
SELECT 1 SETTINGS max_memory_usage = 0
SELECT 1 SETTINGS max_execution_time = 100000
SELECT 1 SETTINGS max_result_rows = 0
SET readonly = 0
SELECT * FROM system.processes
KILL QUERY WHERE 1
"""


def statements(text):
    """One a line; a line that starts with a space goes on with the one before."""
    return text.strip().replace("\n    ", " ").splitlines()


ALL = statements(READ_FILES) + statements(WRITE_FILES) + statements(NETWORK) + statements(POWER)
# Answered without an error, since nothing that the user may touch is meant.
HARMLESS = ("KILL QUERY WHERE 1", "SHOW ACCESS")
