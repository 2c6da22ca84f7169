import type { Run } from '@contract/workspace'
import type { ReactNode } from 'react'
import { idOf } from '@/api/session'
import { ModelVersionLinks } from '@/app/ModelVersionLinks'
import { useModelVersionsOf } from '@/app/useModelVersionsOf'
import { Ago, Took } from '@/ui/Time'
import { StepBar } from '../runs/StepBar'
import css from './run.module.css'

/** What, where, when and by whom, in one line. */
export function Facts({ run }: { run: Run }) {
  const models = useModelVersionsOf(run.name)
  return (
    <dl className={css.facts}>
      <Fact label="Pipeline">{idOf(run.pipeline)}</Fact>
      <Fact label="Steps">
        <StepBar counts={run.stepCounts} />
      </Fact>
      <Fact label="Created">
        <Ago time={run.createTime} />
      </Fact>
      <Fact label="Took">
        <Took start={run.startTime} end={run.endTime} />
      </Fact>
      {run.stack && <Fact label="Stack">{idOf(run.stack)}</Fact>}
      {run.snapshot && <Fact label="Snapshot">{idOf(run.snapshot)}</Fact>}
      {run.startedBy && <Fact label="Started by">{idOf(run.startedBy)}</Fact>}
      {run.origin && <Fact label="Retry of">{idOf(run.origin)}</Fact>}
      {models.length > 0 && (
        <Fact label="Models">
          <ModelVersionLinks names={models} />
        </Fact>
      )}
      {Object.entries(run.parameters ?? {}).map(([name, value]) => (
        <Fact key={name} label={name}>
          <span className="mono">{JSON.stringify(value)}</span>
        </Fact>
      ))}
    </dl>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{label}</dt>
      <dd className="cut">{children}</dd>
    </div>
  )
}
