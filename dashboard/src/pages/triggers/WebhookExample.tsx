import type { Webhook } from '@contract/workspace'
import { basePath } from '@/api/client'
import { useProject } from '@/app/project'
import { CopyCommand } from '@/ui/CopyCommand'
import { exampleOf } from './example'

/** Where messages are sent. */
export function useAddress(name: string): string {
  const { workspace } = useProject()
  return `${location.origin}${basePath()}${workspace.path}/${name}:receive`
}

/** A message that is signed as the webhook wants it, to be sent by hand. */
export function WebhookExample({ webhook }: { webhook: Webhook }) {
  const address = useAddress(webhook.name)
  return (
    <>
      <p className="quiet">Try it, with the secret in SECRET:</p>
      <CopyCommand command={exampleOf(webhook, address)} />
    </>
  )
}
