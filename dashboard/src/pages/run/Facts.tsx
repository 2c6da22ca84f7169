import type { Run } from '@contract/workspace'
import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { idOf } from '@/api/session'
import { RunIdLink } from '@/app/links'
import { ModelVersionLinks } from '@/app/ModelVersionLinks'
import { useModelVersionsOf } from '@/app/useModelVersionsOf'
import { Ago, Took } from '@/ui/Time'
import { useNow } from '@/ui/useNow'
import { namedBy } from '../compare/address'
import { StepBar } from '../runs/StepBar'
import { differenceWords, leftWords } from './course'
import css from './run.module.css'
import { useCourse } from './useCourse'
import { useSnapshot } from './useRun'

const TRIGGERS: Record<string, string> = {
  RUN_TRIGGER_SDK: 'the SDK',
  RUN_TRIGGER_SNAPSHOT: 'a snapshot',
  RUN_TRIGGER_RETRY: 'a retry',
}

/** What, where, when and by whom, in one line. */
export function Facts({ run }: { run: Run }) {
  const models = useModelVersionsOf(run.name)
  const { previous, usual } = useCourse(run)
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const pipeline = idOf(run.pipeline)
  return (
    <dl className={css.facts}>
      <Fact label="Pipeline">
        <Link to="/w/$workspace/p/$project/pipelines/$pipeline" params={{ ...place, pipeline }}>
          {pipeline}
        </Link>
      </Fact>
      <Fact label="Steps">
        <StepBar counts={run.stepCounts} />
      </Fact>
      <Fact label="Created">
        <Ago time={run.createTime} />
      </Fact>
      <Fact label="Took">
        <Took start={run.startTime} end={run.endTime} />
      </Fact>
      {usual && run.startTime && !run.endTime && (
        <Fact label={usual.count === 1 ? 'By the last success' : `By the last ${usual.count} successes`}>
          <Left start={run.startTime} usual={usual} />
        </Fact>
      )}
      {previous && previous.name !== run.origin && (
        <Fact label="Run before">
          <RunIdLink name={previous.name} /> {differenceWords(run, previous)}{' '}
          <Link
            to="/w/$workspace/p/$project/compare"
            params={place}
            search={{ runs: namedBy([idOf(previous.name), idOf(run.name)]) }}
          >
            Compare
          </Link>
        </Fact>
      )}
      {run.snapshot && <Code run={run} />}
      {run.stack && (
        <Fact label="Stack">
          <Link to="/w/$workspace/stacks/$stack" params={{ ...place, stack: idOf(run.stack) }}>
            {idOf(run.stack)}
          </Link>
        </Fact>
      )}
      <StartedBy run={run} />
      {run.origin && (
        <Fact label="Retry of">
          <RunIdLink name={run.origin} />
        </Fact>
      )}
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

function Left({ start, usual }: { start: string; usual: { ms: number } }) {
  const now = useNow(true)
  return <span className="numbers">{leftWords(now - Date.parse(start), usual)}</span>
}

/** The snapshot, and the commit that its code was at. */
function Code({ run }: { run: Run }) {
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const { code } = useSnapshot(run.snapshot).data ?? {}
  return (
    <>
      <Fact label="Snapshot">
        <Link
          to="/w/$workspace/p/$project/snapshots/$snapshot"
          params={{ ...place, snapshot: idOf(run.snapshot) }}
        >
          {idOf(run.snapshot)}
        </Link>
      </Fact>
      {code?.commit && (
        <Fact label="Commit">
          <span className="mono" title={code.commit}>
            {code.commit.slice(0, 10)}
          </span>
          {code.dirty && ' with changes'}
        </Fact>
      )}
    </>
  )
}

/** The schedule or trigger that made it, if one did; else what kind of thing did. */
function StartedBy({ run }: { run: Run }) {
  const place = useParams({ from: '/w/$workspace/p/$project' })
  const id = idOf(run.startedBy)
  const words = TRIGGERS[run.trigger]
  if (!id) return words ? <Fact label="Started by">{words}</Fact> : null
  const isSchedule = run.trigger === 'RUN_TRIGGER_SCHEDULE'
  return (
    <Fact label={isSchedule ? 'Started by the schedule' : 'Started by the trigger'}>
      {isSchedule ? (
        <Link to="/w/$workspace/p/$project/schedules/$schedule" params={{ ...place, schedule: id }}>
          {id}
        </Link>
      ) : (
        <Link to="/w/$workspace/p/$project/triggers/$trigger" params={{ ...place, trigger: id }}>
          {id}
        </Link>
      )}
    </Fact>
  )
}
