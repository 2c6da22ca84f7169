import type { Webhook } from '@contract/workspace'
import { ShownOnce } from '@/ui/ShownOnce'
import { WebhookExample } from './WebhookExample'

type Props = {
  /** As it was answered with its secret; the dialog is open while there is any. */
  of: Webhook | undefined
  title: string
  onClose: () => void
}

/** The secret of a webhook, with where it goes and what to try it with. */
export function WebhookSecret({ of, title, onClose }: Props) {
  return (
    <ShownOnce secret={of?.secret ?? ''} title={title} onClose={onClose}>
      <p className="quiet">Give it to the sender, which signs its messages with it.</p>
      {of && <WebhookExample webhook={of} />}
    </ShownOnce>
  )
}
