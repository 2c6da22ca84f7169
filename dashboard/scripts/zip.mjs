// Compresses the build once, so that the gateway need not.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const assets = new URL('../../gateway/dashboard/assets/', import.meta.url)
for (const name of readdirSync(fileURLToPath(assets))) {
  const file = new URL(name, assets)
  writeFileSync(new URL(`${name}.gz`, assets), gzipSync(readFileSync(file), { level: 9 }))
}
