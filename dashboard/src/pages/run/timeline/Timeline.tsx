import type { Run, Step } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'
import { Button } from '@/ui/Button'
import { StateShape } from '@/ui/StateMark'
import { lookOf } from '@/ui/states'
import { useNow } from '@/ui/useNow'
import { type Column, VirtualTable } from '@/ui/VirtualTable'
import { Axis } from './Axis'
import { TimelineBar } from './TimelineBar'
import css from './timeline.module.css'
import { type Bar, timelineOf } from './timelineOf'
import { type SpanControl, useSpan } from './useSpan'
import { useZoomKeys } from './useZoomKeys'
import { wordsOf } from './words'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
const CRITICAL = 'critical'

type Props = { run: Run; steps: Step[]; chosen: string | undefined; onOpen: (stepId: string) => void }

/** The steps of a run over time: rows of a table, with a bar each. */
export function Timeline({ run, steps, chosen, onOpen }: Props) {
  const { path } = route.useSearch()
  const now = useNow(!lookOf(run.state).isOver)
  const { bars, whole } = useMemo(() => timelineOf(run, steps, now), [run, steps, now])
  const shown = useMemo(() => (path ? bars.filter((bar) => bar.isCritical) : bars), [bars, path])
  const area = useRef<HTMLElement>(null)
  const control = useSpan(whole)
  useZoomKeys(area, control)
  const [told, tell] = useState<string>()
  const { span, show } = control
  const columns = useMemo<Column<Bar>[]>(
    () => [
      {
        id: 'step',
        label: 'Step',
        width: 'clamp(104px, 18vw, 220px)',
        cell: (bar) => <StepName bar={bar} onTell={tell} />,
      },
      {
        id: 'bar',
        label: 'Time',
        width: 'minmax(160px, 1fr)',
        head: <Axis span={span} origin={whole.from} onSelect={show} />,
        cell: (bar) => <TimelineBar bar={bar} span={span} now={now} />,
      },
    ],
    [span, whole.from, now, show],
  )
  const toldBar = bars.find(({ step }) => step.stepId === told)
  return (
    <section ref={area} className={css.timeline} aria-label="Timeline">
      <Tools control={control} isCritical={!!path} />
      <VirtualTable
        label="Steps over time"
        items={shown}
        columns={columns}
        keyOf={nameOf}
        isSelected={({ step }) => step.stepId === chosen}
        onOpen={({ step }) => onOpen(step.stepId)}
      />
      <p className={css.told} aria-hidden="true">
        {toldBar ? (
          <>
            <strong>{toldBar.step.stepId}</strong> {wordsOf(toldBar)}
          </>
        ) : (
          'Drag over the times, or press + − 0 and the arrows, to look closer; logs show the same part.'
        )}
      </p>
    </section>
  )
}

const nameOf = ({ step }: Bar) => step.name

function StepName({ bar, onTell }: { bar: Bar; onTell: (stepId: string) => void }) {
  const { stepId, state } = bar.step
  const tell = () => onTell(stepId)
  return (
    <span className={css.step}>
      <StateShape state={state} />
      <Link
        from={route.id}
        to="."
        search={(now) => ({ ...now, step: stepId })}
        className="cut"
        data-row=""
        onMouseEnter={tell}
        onFocus={tell}
      >
        {stepId}
      </Link>
    </span>
  )
}

function Tools({ control, isCritical }: { control: SpanControl; isCritical: boolean }) {
  const navigate = route.useNavigate()
  const toggle = () =>
    void navigate({ search: (now) => ({ ...now, path: isCritical ? undefined : CRITICAL }), replace: true })
  return (
    <div className={css.tools}>
      <Button size="small" aria-pressed={isCritical} onClick={toggle}>
        Critical path only
      </Button>
      <ul className={css.legend} aria-label="What the bars show">
        <li data-kind="queued">waited to start</li>
        <li data-kind="ran">an attempt</li>
        <li data-kind="critical">on the critical path</li>
      </ul>
      <span className={css.zoom}>
        <Button
          size="small"
          aria-label="Earlier"
          disabled={control.isWhole}
          onClick={() => control.move(-0.5)}
        >
          ←
        </Button>
        <Button size="small" aria-label="Later" disabled={control.isWhole} onClick={() => control.move(0.5)}>
          →
        </Button>
        <Button size="small" aria-label="Zoom out" disabled={control.isWhole} onClick={() => control.zoom(2)}>
          −
        </Button>
        <Button size="small" aria-label="Zoom in" onClick={() => control.zoom(0.5)}>
          +
        </Button>
        <Button size="small" disabled={control.isWhole} onClick={() => control.show(undefined)}>
          Whole run
        </Button>
      </span>
    </div>
  )
}
