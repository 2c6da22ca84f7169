import type { Webhook, WebhookDelivery } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { CopyCommand } from '@/ui/CopyCommand'
import { Crumbs } from '@/ui/Crumbs'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Mark } from '@/ui/Mark'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { exact } from '@/ui/times'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { kindWord, lookOfRest } from '../triggers/occurrence'
import css from '../triggers/triggers.module.css'
import { useDeliveries, useWebhook } from '../triggers/useTriggers'
import { useAddress, WebhookExample } from '../triggers/WebhookExample'
import { Redeliver } from './Redeliver'
import { WebhookActions } from './WebhookActions'

const route = getRouteApi('/w/$workspace/p/$project/webhooks/$webhook')

/** One webhook: where it takes messages, and those that arrived. */
export function WebhookPage() {
  const { webhook: id } = route.useParams()
  const webhook = useWebhook(id)
  useTitle(webhook.data?.displayName || id, 'Webhooks')
  if (webhook.error && !webhook.data)
    return <ErrorPage error={webhook.error} onRetry={() => webhook.refetch()} />
  if (!webhook.data) return <p className={css.loading}>Reading the webhook …</p>
  return <Loaded webhook={webhook.data} />
}

function Loaded({ webhook }: { webhook: Webhook }) {
  const params = route.useParams()
  const address = useAddress(webhook.name)
  const { name, displayName, description, disabled, previousSecretExpireTime: until } = webhook
  const title = (
    <span className={css.title}>
      <span className={css.titleText}>{displayName || idOf(name)}</span>
      <Mark {...lookOfRest(disabled, 'Disabled')} />
    </span>
  )
  return (
    <>
      <PageHead title={title} actions={<WebhookActions webhook={webhook} />}>
        <Crumbs>
          <Link to="/w/$workspace/p/$project/triggers" params={params} search={{ view: 'webhooks' }}>
            Webhooks
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className="quiet">{description}</p>}
        <div className={css.address}>
          <CopyCommand command={address} />
        </div>
        <Facts>
          <Fact label="Signed as by">{kindWord(webhook.kind)}</Fact>
          <Fact label="Secret made">
            <Ago time={webhook.secretCreateTime} />
          </Fact>
          {until && <Fact label="The one before holds until">{exact(until)}</Fact>}
          <Fact label="Deliveries">{webhook.deliveryCount}</Fact>
        </Facts>
        <details className={css.try}>
          <summary>Send a message by hand</summary>
          <WebhookExample webhook={webhook} />
        </details>
      </PageHead>
      <Deliveries webhook={webhook} />
    </>
  )
}

const COLUMNS: Column<WebhookDelivery>[] = [
  { id: 'event', label: 'Event', width: 'minmax(110px, 1fr)', cell: ({ eventType }) => eventType || '–' },
  {
    id: 'id',
    label: 'The sender’s id',
    width: 'minmax(150px, 2fr)',
    cell: ({ deliveryId }) => <span className="mono">{deliveryId}</span>,
  },
  {
    id: 'fired',
    label: 'Fired',
    width: 'minmax(120px, 1fr)',
    cell: ({ firings }) => [...new Set(firings.map((each) => each.split('/')[3]))].join(', ') || 'nothing',
  },
  {
    id: 'times',
    label: 'Times told',
    width: '84px',
    cell: ({ attempts }) => <span className="numbers">{attempts}</span>,
  },
  { id: 'when', label: 'Arrived', width: '88px', cell: ({ createTime }) => <Ago time={createTime} /> },
  { id: 'again', label: 'Again', width: '96px', cell: (delivery) => <Redeliver delivery={delivery} /> },
]

function Deliveries({ webhook }: { webhook: Webhook }) {
  const deliveries = useDeliveries(webhook)
  const { items } = deliveries
  if (deliveries.error && items.length === 0)
    return <ErrorPage error={deliveries.error} onRetry={deliveries.refetch} />
  if (deliveries.isPending) return <p className={css.loading}>Reading what arrived …</p>
  if (items.length === 0)
    return (
      <EmptyState icon="mail" title="Nothing has arrived yet">
        <p>The last 500 messages are kept here, for thirty days at most.</p>
      </EmptyState>
    )
  return (
    <VirtualTable
      label="Deliveries"
      items={items}
      columns={COLUMNS}
      keyOf={({ name }) => name}
      more={deliveries.more}
    />
  )
}
