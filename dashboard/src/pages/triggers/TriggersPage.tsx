import type { Trigger, Webhook } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMay } from '@/app/project'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { ListState } from '@/ui/ListState'
import { Mark } from '@/ui/Mark'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import views from '@/ui/views.module.css'
import { kindWord, lookOfFiring, lookOfRest, occurrenceWords } from './occurrence'
import { TriggerDialog } from './TriggerDialog'
import { useTriggers, useWebhooks } from './useTriggers'
import { WebhookDialog } from './WebhookDialog'

const route = getRouteApi('/w/$workspace/p/$project/triggers')

/** Runs that follow from what happens here, and the addresses at which others tell what happens there. */
export function TriggersPage() {
  const { view } = route.useSearch()
  const may = useMay()
  const [isMaking, setMaking] = useState(false)
  const areWebhooks = view === 'webhooks'
  useTitle(areWebhooks ? 'Webhooks' : 'Triggers')
  const mayCreate = areWebhooks ? may('webhooks.create') : may('triggers.create') && may('snapshots.run')
  const create = mayCreate && (
    <Button kind="primary" onClick={() => setMaking(true)}>
      {areWebhooks ? 'Create a webhook' : 'Create a trigger'}
    </Button>
  )
  const close = () => setMaking(false)
  return (
    <>
      <PageHead title={areWebhooks ? 'Webhooks' : 'Triggers'} actions={create}>
        <nav aria-label="Views of the triggers" className={views.views}>
          <View label="Triggers" />
          <View id="webhooks" label="Webhooks" />
        </nav>
      </PageHead>
      {areWebhooks ? <WebhookList /> : <TriggerList />}
      <TriggerDialog isOpen={isMaking && !areWebhooks} onClose={close} />
      <WebhookDialog isOpen={isMaking && areWebhooks} onClose={close} />
    </>
  )
}

function View({ id, label }: { id?: string; label: string }) {
  return (
    <Link
      from={route.id}
      to="."
      search={{ view: id }}
      activeOptions={{ includeSearch: true, explicitUndefined: true }}
    >
      {label}
    </Link>
  )
}

const TRIGGERS: Column<Trigger>[] = [
  {
    id: 'state',
    label: 'State',
    width: '108px',
    cell: ({ paused }) => <Mark {...lookOfRest(paused, 'Paused')} />,
  },
  {
    id: 'trigger',
    label: 'Trigger',
    width: 'minmax(160px, 1fr)',
    cell: (trigger) => <TriggerLink trigger={trigger} />,
  },
  {
    id: 'after',
    label: 'After',
    width: 'minmax(200px, 2fr)',
    cell: ({ occurrence }) => <span title={occurrenceWords(occurrence)}>{occurrenceWords(occurrence)}</span>,
  },
  {
    id: 'runs',
    label: 'Runs',
    width: 'minmax(120px, 1fr)',
    cell: ({ snapshot, template }) => <span className="mono">{template || idOf(snapshot)}</span>,
  },
  {
    id: 'last',
    label: 'Last',
    width: '110px',
    cell: ({ lastFiring }) => <Mark {...lookOfFiring(lastFiring?.state)} />,
  },
  {
    id: 'came',
    label: 'Came',
    width: '88px',
    cell: ({ lastFiring }) => <Ago time={lastFiring?.createTime} />,
  },
]

const WEBHOOKS: Column<Webhook>[] = [
  {
    id: 'state',
    label: 'State',
    width: '108px',
    cell: ({ disabled }) => <Mark {...lookOfRest(disabled, 'Disabled')} />,
  },
  {
    id: 'webhook',
    label: 'Webhook',
    width: 'minmax(160px, 2fr)',
    cell: (webhook) => <WebhookLink webhook={webhook} />,
  },
  { id: 'kind', label: 'Kind', width: 'minmax(160px, 1fr)', cell: ({ kind }) => kindWord(kind) },
  {
    id: 'count',
    label: 'Deliveries',
    width: '90px',
    cell: ({ deliveryCount }) => <span className="numbers">{deliveryCount}</span>,
  },
  {
    id: 'last',
    label: 'Last',
    width: '104px',
    cell: ({ lastDeliveryTime }) => <Ago time={lastDeliveryTime} />,
  },
]

function TriggerLink({ trigger: { name, displayName } }: { trigger: Trigger }) {
  const params = route.useParams()
  const id = idOf(name)
  return (
    <Named detail={displayName ? id : ''}>
      <Link to="/w/$workspace/p/$project/triggers/$trigger" params={{ ...params, trigger: id }} data-row="">
        {displayName || id}
      </Link>
    </Named>
  )
}

function WebhookLink({ webhook: { name, displayName } }: { webhook: Webhook }) {
  const params = route.useParams()
  const id = idOf(name)
  return (
    <Named detail={displayName ? id : ''}>
      <Link to="/w/$workspace/p/$project/webhooks/$webhook" params={{ ...params, webhook: id }} data-row="">
        {displayName || id}
      </Link>
    </Named>
  )
}

function TriggerList() {
  const list = useTriggers()
  const navigate = route.useNavigate()
  const none = (
    <EmptyState
      icon="link"
      title="No triggers yet"
      command="weft triggers create after-train --template report --after-run train --state succeeded"
    >
      <p>
        A trigger runs a snapshot whenever something happens: a run ends, a model moves, a message arrives.
      </p>
    </EmptyState>
  )
  return (
    <ListState what="triggers" filter="" list={list} empty={none}>
      <VirtualTable
        label="Triggers"
        items={list.items}
        columns={TRIGGERS}
        keyOf={({ name }) => name}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/triggers/$trigger',
            params: (now) => ({ ...now, trigger: idOf(name) }),
            search: {},
          })
        }
        more={list.more}
      />
    </ListState>
  )
}

function WebhookList() {
  const list = useWebhooks()
  const navigate = route.useNavigate()
  const none = (
    <EmptyState icon="link" title="No webhooks yet" command="weft webhooks create ci --kind github">
      <p>A webhook is an address at which another system tells what happens there, in signed messages.</p>
    </EmptyState>
  )
  return (
    <ListState what="webhooks" filter="" list={list} empty={none}>
      <VirtualTable
        label="Webhooks"
        items={list.items}
        columns={WEBHOOKS}
        keyOf={({ name }) => name}
        onOpen={({ name }) =>
          void navigate({
            to: '/w/$workspace/p/$project/webhooks/$webhook',
            params: (now) => ({ ...now, webhook: idOf(name) }),
            search: {},
          })
        }
        more={list.more}
      />
    </ListState>
  )
}
