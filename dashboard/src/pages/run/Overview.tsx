import type { Step } from '@contract/workspace'
import { Ago, Took } from '@/ui/Time'
import { Values } from '@/ui/Values'
import { FailureText } from './FailureText'
import css from './run.module.css'

export function Overview({ step }: { step: Step }) {
  return (
    <>
      {step.failure && <FailureText failure={step.failure} />}
      <Values
        values={{
          Why: step.stateReason,
          Cache: step.cacheReason,
          'Cached from': step.cachedFrom,
          Started: step.startTime && <Ago time={step.startTime} />,
          Took: step.startTime && <Took start={step.startTime} end={step.endTime} />,
          'Waits for': step.upstream.join(', '),
          'Asked to stop': step.stopRequest && (step.stopRequest.reason || 'yes'),
          Workload: step.workload,
          'Cache key': step.cacheKey && <span className="mono">{step.cacheKey}</span>,
        }}
      />
      {step.metadata && Object.keys(step.metadata).length > 0 && (
        <>
          <h3 className={css.heading}>Logged values</h3>
          <Values values={step.metadata} />
        </>
      )}
    </>
  )
}
