// What a form asks for, as one would ask for it without a browser.
import type { JsonValue } from '@contract/method'

export type Wish = {
  /** "projects/default/snapshots/k3f9". */
  name: string
  /** The name of the template, where it is one: that is what people write. */
  template: string
  parameters: Record<string, JsonValue>
  /** "stacks/prod"; the snapshot's where empty. */
  stack: string
  cacheDisabled: boolean
}
/** Where the workspace answers: the address before "/projects/...", and its name, which tokens are for. */
export type Place = { address: string; origin: string; workspace: string }

export function asCommand({ name, template, parameters, stack, cacheDisabled }: Wish): string {
  const [, project = '', , snapshot = ''] = name.split('/')
  const given = Object.entries(parameters).map(
    ([key, value]) => `-p ${quoted(`${key}=${onCommandLine(value)}`)}`,
  )
  if (stack) given.push(`--stack ${quoted(stack.replace(/^stacks\//, ''))}`)
  if (cacheDisabled) given.push('--no-cache')
  const command = `WEFT_PROJECT=${quoted(project)} weft snapshots run ${quoted(template || snapshot)}`
  return [command, ...given].join(' \\\n  ')
}

export function asCurl(wish: Wish, { address, origin, workspace }: Place): string {
  return `TOKEN=$(curl -sS --fail-with-body ${quoted(`${origin}/oauth2/token`)} \\
  -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\
  -d subject_token_type=urn:weft:params:oauth:token-type:personal-access-token \\
  --data-urlencode "subject_token=$WEFT_TOKEN" \\
  -d audience=${workspace} | jq -r .access_token)
curl -sS --fail-with-body ${quoted(`${address}/${wish.name}:run`)} \\
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify(bodyOf(wish)))}`
}

export function asPython(wish: Wish, { address, origin, workspace }: Place): string {
  // Text as JSON is text as Python, but for what JSON spells otherwise: so it stays JSON.
  return `import json, os
from urllib.parse import urlencode
from urllib.request import Request, urlopen

form = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:weft:params:oauth:token-type:personal-access-token",
    "subject_token": os.environ["WEFT_TOKEN"],
    "audience": ${JSON.stringify(workspace)},
}
with urlopen(${JSON.stringify(`${origin}/oauth2/token`)}, urlencode(form).encode()) as answer:
    token = json.load(answer)["access_token"]
wish = json.loads(${JSON.stringify(JSON.stringify(bodyOf(wish)))})
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
address = ${JSON.stringify(`${address}/${wish.name}:run`)}
with urlopen(Request(address, json.dumps(wish).encode(), headers)) as answer:
    print(json.load(answer)["name"])`
}

function bodyOf({ parameters, stack, cacheDisabled }: Wish): object {
  return { parameters, ...(stack && { stack }), ...(cacheDisabled && { cacheDisabled }) }
}

/** A value as -p reads it: JSON, or a text that is none. */
function onCommandLine(value: JsonValue): string {
  return typeof value === 'string' && !isJson(value) ? value : JSON.stringify(value)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
