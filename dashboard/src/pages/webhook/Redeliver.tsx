import { RedeliverWebhookDelivery, type WebhookDelivery } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'

/** Tells a delivery once more to the triggers that wait for it by now. */
export function Redeliver({ delivery: { name, deliveryId } }: { delivery: WebhookDelivery }) {
  const { client } = useProject()
  const may = useMay()
  const again = useMutation({ mutationFn: () => client.call(RedeliverWebhookDelivery, { name }) })
  if (!may.isKnown) return null
  if (!may('webhooks.redeliver')) return <span className="quiet">–</span>
  return (
    <Button
      size="small"
      aria-label={`Redeliver ${deliveryId}`}
      title={again.error?.message ?? 'Tell it to the triggers once more'}
      isBusy={again.isPending}
      onClick={() => again.mutate()}
    >
      {again.error ? 'Refused' : 'Redeliver'}
    </Button>
  )
}
