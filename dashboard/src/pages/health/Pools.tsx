import { CordonPool, type Pool, type ResourceCapacity, UncordonPool } from '@contract/workspace'
import { useState } from 'react'
import { useProject } from '@/app/project'
import { useMayInWorkspace, useWorkspaceChange } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Mark } from '@/ui/Mark'
import { Note } from '@/ui/Note'
import { size } from '@/ui/sizes'
import { Ago } from '@/ui/Time'
import css from './health.module.css'
import { poolWords } from './warnings'

/** Where runs find room, pool by pool. */
export function Pools({ pools }: { pools: Pool[] }) {
  return (
    <section className={css.part}>
      <h2>Where runs find room</h2>
      {pools.length === 0 && <p className="quiet">No workload manager tells of any pool.</p>}
      <ul className={css.pools}>
        {pools.map((pool) => (
          <PoolCard key={pool.name} pool={pool} />
        ))}
      </ul>
    </section>
  )
}

function PoolCard({ pool }: { pool: Pool }) {
  const { name, capacity, cordon, takesNewRuns } = pool
  return (
    <li className={css.pool} aria-label={`Pool ${poolWords(pool)}`}>
      <div className={css.poolHead}>
        <span className={css.poolName} title={name}>
          {poolWords(pool)}
        </span>
        {cordon ? (
          <Mark word="Cordoned" icon="bars" tone="warn" />
        ) : (
          <Mark word="Takes runs" icon="check" tone="good" />
        )}
        <Cordon pool={pool} />
      </div>
      <p className="quiet">
        {[capacity?.engine, capacity?.place, capacity?.queue && `queue ${capacity.queue}`]
          .filter(Boolean)
          .join(', ')}
        {takesNewRuns && '; serves runs whose stack names no other'}
      </p>
      {cordon && (
        <p className={css.reason}>
          {cordon.reason} <Ago time={cordon.createTime} />
        </p>
      )}
      <dl className={css.counts}>
        <div>
          <dt>Executing</dt>
          <dd className="numbers">{capacity?.runningWorkloadCount ?? 0}</dd>
        </div>
        <div>
          <dt>Queued</dt>
          <dd className="numbers">{capacity?.queuedWorkloadCount ?? 0}</dd>
        </div>
      </dl>
      <ul className={css.resources}>
        {capacity?.resources
          .filter(({ allocatable }) => allocatable !== '0')
          .map((resource) => (
            <Resource key={resource.resource} of={resource} />
          ))}
      </ul>
      {capacity?.unseen.map((each) => (
        <p key={each} className="quiet">
          {each}
        </p>
      ))}
    </li>
  )
}

/** How much of a resource is used: a bar, and the same in words. */
function Resource({ of: { resource, allocatable, used, ownUsed } }: { of: ResourceCapacity }) {
  // What others use of a machine is not known everywhere.
  const isAll = used !== undefined
  const words = `${amount(resource, used ?? ownUsed)} of ${amount(resource, allocatable)}${isAll ? '' : ' by runs'}`
  return (
    <li>
      <span className="quiet">{resource}</span>
      <meter
        min={0}
        max={Math.max(1, Number(allocatable ?? 0))}
        value={Number(used ?? ownUsed)}
        aria-label={`${resource}: ${words}`}
      />
      <span className="numbers">{words}</span>
    </li>
  )
}

/** In units that people read: cores, bytes, or a count. */
function amount(resource: string, value: string | undefined): string {
  if (value === undefined) return 'unknown'
  if (resource === 'cpu') return `${Number(value) / 1000}`
  return resource === 'memory' || resource === 'ephemeral-storage' ? size(value) : value
}

/** Lets a pool take nothing new, or lets it again. */
function Cordon({ pool }: { pool: Pool }) {
  const { name } = pool
  const { client } = useProject()
  const may = useMayInWorkspace()
  const [isAsking, setAsking] = useState(false)
  const cordon = useWorkspaceChange((form: FormData) =>
    client.call(CordonPool, { name, reason: String(form.get('reason')) }),
  )
  const uncordon = useWorkspaceChange((_: undefined) => client.call(UncordonPool, { name }))
  if (!may('pools.cordon')) return null
  function close() {
    cordon.reset()
    setAsking(false)
  }
  return (
    <>
      {pool.cordon ? (
        <Button size="small" isBusy={uncordon.isPending} onClick={() => uncordon.mutate(undefined)}>
          Uncordon
        </Button>
      ) : (
        <Button size="small" onClick={() => setAsking(true)}>
          Cordon
        </Button>
      )}
      {uncordon.error && <Note kind="bad" error={uncordon.error} />}
      <ConfirmDialog
        isOpen={isAsking}
        onClose={close}
        title={`Cordon ${poolWords(pool)}?`}
        verb="Cordon"
        onConfirm={(form) => cordon.mutate(form, { onSuccess: close })}
        isBusy={cordon.isPending}
        error={cordon.error}
      >
        <p className="quiet">
          It takes no new runs, of whichever workspace; they stay queued. What executes goes on.
        </p>
        <Field
          label="Why"
          name="reason"
          maxLength={200}
          hint="For those whose runs wait."
          autoComplete="off"
          required
        />
      </ConfirmDialog>
    </>
  )
}
