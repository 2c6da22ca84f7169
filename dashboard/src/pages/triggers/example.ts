// A message to a webhook, signed by hand: what one types to try it.
import type { HmacHeaders, Webhook } from '@contract/workspace'

const BODY = `BODY='{"type": "push", "ref": "refs/heads/main"}'`
const NOW = 'TIME=$(date +%s)'
// Standard Webhooks sign with the bytes that the secret stands for.
const KEY = `KEY=$(printf %s "\${SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n')`

/** Lines of a shell, for the secret in SECRET. Names of headers and addresses hold nothing that a shell reads. */
export function exampleOf({ kind, hmac }: Pick<Webhook, 'kind' | 'hmac'>, address: string): string {
  if (kind === 'WEBHOOK_KIND_STANDARD') return standard(address)
  if (kind === 'WEBHOOK_KIND_HMAC' && hmac) return plain(hmac, address)
  const headers = ['x-github-event: push', 'x-hub-signature-256: sha256=$SIGNATURE']
  return script([BODY, signing('$BODY')], headers, address)
}

function standard(address: string): string {
  const signature = `SIGNATURE=$(printf %s "msg_$TIME.$TIME.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)`
  const headers = ['webhook-id: msg_$TIME', 'webhook-timestamp: $TIME', 'webhook-signature: v1,$SIGNATURE']
  return script([BODY, NOW, KEY, signature], headers, address)
}

function plain({ signature, timestamp, id, eventType }: HmacHeaders, address: string): string {
  const headers = [`${signature}: $SIGNATURE`]
  if (timestamp) headers.push(`${timestamp}: $TIME`)
  if (id) headers.push(`${id}: msg_$TIME`)
  if (eventType) headers.push(`${eventType}: push`)
  return script([BODY, NOW, signing(timestamp ? '$TIME.$BODY' : '$BODY')], headers, address)
}

function signing(signed: string): string {
  return `SIGNATURE=$(printf %s "${signed}" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)`
}

function script(before: string[], headers: string[], address: string): string {
  const given = ['content-type: application/json', ...headers].map((header) => `  -H "${header}" \\`)
  return [...before, 'curl --fail-with-body \\', ...given, `  --data-binary "$BODY" '${address}'`].join('\n')
}
