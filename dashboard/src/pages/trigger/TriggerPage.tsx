import type { Trigger, TriggerFiring } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { Crumbs } from '@/ui/Crumbs'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Mark } from '@/ui/Mark'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { lookOfFiring, lookOfRest, occurrenceWords } from '../triggers/occurrence'
import css from '../triggers/triggers.module.css'
import { useTrigger, useTriggerFirings } from '../triggers/useTriggers'
import { TriggerActions } from './TriggerActions'

const route = getRouteApi('/w/$workspace/p/$project/triggers/$trigger')

/** One trigger: what it waits for, what it does, and what it did. */
export function TriggerPage() {
  const { trigger: id } = route.useParams()
  const trigger = useTrigger(id)
  useTitle(trigger.data?.displayName || id, 'Triggers')
  if (trigger.error && !trigger.data)
    return <ErrorPage error={trigger.error} onRetry={() => trigger.refetch()} />
  if (!trigger.data) return <p className={css.loading}>Reading the trigger …</p>
  return <Loaded trigger={trigger.data} />
}

function Loaded({ trigger }: { trigger: Trigger }) {
  const params = route.useParams()
  const { name, displayName, description, paused, occurrence, snapshot, template, parameters } = trigger
  const title = (
    <span className={css.title}>
      <span className={css.titleText}>{displayName || idOf(name)}</span>
      <Mark {...lookOfRest(paused, 'Paused')} />
    </span>
  )
  return (
    <>
      <PageHead title={title} actions={<TriggerActions trigger={trigger} />}>
        <Crumbs>
          <Link to="/w/$workspace/p/$project/triggers" params={params}>
            Triggers
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className="quiet">{description}</p>}
        <p className={css.wide}>
          After <strong>{occurrenceWords(occurrence)}</strong>
        </p>
        <Facts>
          <Fact label={template ? 'Runs the template' : 'Runs the snapshot'}>
            <span className="mono">{template || idOf(snapshot)}</span>
          </Fact>
          <Fact label="Made">
            <Ago time={trigger.createTime} />
          </Fact>
          {Object.entries((parameters ?? {}) as Record<string, unknown>).map(([key, value]) => (
            <Fact key={key} label={key}>
              <span className="mono">{JSON.stringify(value)}</span>
            </Fact>
          ))}
        </Facts>
      </PageHead>
      <Firings trigger={trigger} />
    </>
  )
}

const COLUMNS: Column<TriggerFiring>[] = [
  { id: 'state', label: 'Outcome', width: '104px', cell: ({ state }) => <Mark {...lookOfFiring(state)} /> },
  {
    id: 'cause',
    label: 'What happened',
    width: 'minmax(180px, 1fr)',
    cell: ({ cause }) => <span className="mono">{cause.split('/').slice(2).join('/')}</span>,
  },
  {
    id: 'run',
    label: 'Run or reason',
    width: 'minmax(160px, 1fr)',
    cell: ({ run, reason }) => (run ? <RunLink run={run} /> : <span title={reason}>{reason}</span>),
  },
  { id: 'when', label: 'Noticed', width: '104px', cell: ({ createTime }) => <Ago time={createTime} /> },
]

function RunLink({ run }: { run: string }) {
  const { workspace, project } = route.useParams()
  return (
    <Link
      to="/w/$workspace/p/$project/runs/$run"
      params={{ workspace, project, run: idOf(run) }}
      className="mono"
      data-row=""
    >
      {idOf(run)}
    </Link>
  )
}

function Firings({ trigger }: { trigger: Trigger }) {
  const firings = useTriggerFirings(trigger)
  const { items } = firings
  if (firings.error && items.length === 0)
    return <ErrorPage error={firings.error} onRetry={firings.refetch} />
  if (firings.isPending) return <p className={css.loading}>Reading what it did …</p>
  if (items.length === 0)
    return (
      <EmptyState icon="link" title="Nothing that it waits for has happened yet">
        <p>Each time will be here for thirty days: the run that it started, or why it started none.</p>
      </EmptyState>
    )
  return (
    <VirtualTable
      label="Firings"
      items={items}
      columns={COLUMNS}
      keyOf={({ name }) => name}
      more={firings.more}
    />
  )
}
