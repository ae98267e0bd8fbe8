// Appends rows one commit at a time from a process of its own; prints each commit it was told of.
// usage: node writer.mjs TABLE WRITER COMMITS [S3-OPTIONS]
import { createTable, openStore } from './library.mjs'

const [location, writer, commits, s3] = process.argv.slice(2)
const store = openStore(location, s3 ? JSON.parse(s3) : {})
const table = await createTable(store, { schema: 'writer string, n long', ifNotExists: true })
for (let n = 0; n < Number(commits); n++) {
  const { version } = await table.append([{ writer, n }], { txn: { appId: writer, version: n } })
  console.log(JSON.stringify({ writer, n, version }))
}
