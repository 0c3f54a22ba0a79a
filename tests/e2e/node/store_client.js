// Inserts and queries with the official client; prints "ok 2 rows".
const { createClient } = require('@clickhouse/client')

const rows = [
  { id: 1, name: 'a', v: 0.5, tags: ['x', 'y'], m: { k: 'v' } },
  { id: 2, name: 'ß', v: -1.25, tags: [], m: {} },
]

function connect(user, password) {
  return createClient({
    url: process.env.STORE_URL,
    username: user,
    password,
    compression: { request: true, response: true },
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
}

async function main() {
  const writer = connect('haystat_rw', process.env.STORE_RW)
  const reader = connect('haystat_ro', process.env.STORE_RO)
  if (!(await writer.ping()).success) throw new Error('no ping')
  await writer.insert({ table: 'haystat.t', values: rows, format: 'JSONEachRow' })
  const result = await reader.query({
    query: 'SELECT * FROM haystat.t WHERE id <= {high: UInt64} ORDER BY id',
    query_params: { high: 2 },
    format: 'JSONEachRow',
  })
  const got = await result.json()
  if (JSON.stringify(got) !== JSON.stringify(rows)) throw new Error(JSON.stringify(got))
  const refused = await reader
    .insert({ table: 'haystat.t', values: rows, format: 'JSONEachRow' })
    .then(() => false, () => true)
  if (!refused) throw new Error('a reader inserted')
  await writer.close()
  await reader.close()
  console.log(`ok ${got.length} rows`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
