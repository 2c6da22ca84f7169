import type { Run, Step } from '@contract/workspace'
import { Note } from '@/ui/Note'
import { Values } from '@/ui/Values'
import css from './run.module.css'
import { useSpec } from './useSpec'

/** How the step runs: as its snapshot says, and what this run says otherwise. */
export function Config({ run, step }: { run: Run; step: Step }) {
  const { spec, error, isPending } = useSpec(run, step)
  if (error) return <Note kind="bad" error={error} />
  if (isPending) return <p className="quiet">Reading the snapshot …</p>
  const settings = run.stepSettings[step.mapGroup || step.stepId]
  return (
    <>
      {settings && (
        <>
          <h3 className={css.heading}>In this run</h3>
          <Values values={settings} />
        </>
      )}
      <h3 className={css.heading}>In its snapshot</h3>
      {!spec && <p className="quiet">The run has no snapshot that says so.</p>}
      {spec && (
        <Values
          values={{
            Entrypoint: <span className="mono">{spec.entrypoint}</span>,
            Resources: spec.resources,
            Retries: spec.retry,
            Cache: spec.cache,
            Timeout: spec.timeout,
            'Queue timeout': spec.queueTimeout,
            Deadline: spec.deadline,
            Isolation: spec.isolation === 'STEP_ISOLATION_UNSPECIFIED' ? '' : spec.isolation,
            Environment: nonEmpty(spec.environment),
            Secrets: spec.secrets.join(', '),
            Inputs: nonEmpty(spec.inputs),
          }}
        />
      )}
    </>
  )
}

function nonEmpty(map: object): object | undefined {
  return Object.keys(map).length > 0 ? map : undefined
}
