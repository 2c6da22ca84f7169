// Fails where the build is larger than people should wait for, or asks anybody but its own server.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const FIRST_LOAD = 250_000
const CHUNK = 1_200_000
// Names that say what something is, and are never asked for.
const NAMES =
  /^https?:\/\/(www\.w3\.org\/|react\.dev\/|reactflow\.dev|tanstack\.com|localhost$|radix-ui\.com|github\.com(\/|$)|token\.actions\.githubusercontent\.com$|idp\.example\.com$)/
const build = fileURLToPath(new URL('../../gateway/dashboard', import.meta.url))

const sizeOf = (path) => gzipSync(readFileSync(join(build, path))).length
const index = readFileSync(join(build, 'index.html'), 'utf8')
const first = [...index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path)
const files = readdirSync(join(build, 'assets'))
  .filter((name) => !name.endsWith('.gz'))
  .map((name) => `assets/${name}`)

const problems = []
const firstLoad = ['index.html', ...first].reduce((sum, path) => sum + sizeOf(path), 0)
if (firstLoad > FIRST_LOAD) problems.push(`the first load is ${firstLoad} bytes; at most ${FIRST_LOAD}`)
for (const file of files) {
  if (sizeOf(file) > CHUNK) problems.push(`${file} is ${sizeOf(file)} bytes; at most ${CHUNK}`)
  const addresses = readFileSync(join(build, file), 'utf8').match(/https?:\/\/[\w.-]+[^\s"'`)\\]*/g) ?? []
  for (const address of addresses) if (!NAMES.test(address)) problems.push(`${file} names ${address}`)
}
if (!index.includes('<base href="/">'))
  problems.push('index.html has no <base href="/"> for the gateway to fill in')
process.stdout.write(
  `first load ${firstLoad} bytes, ${files.length} files\n${problems.map((each) => `${each}\n`).join('')}`,
)
process.exit(problems.length > 0 ? 1 : 0)
