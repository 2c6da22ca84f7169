import type { Run, Step } from '@contract/workspace'
import * as Tabs from '@radix-ui/react-tabs'
import { getRouteApi } from '@tanstack/react-router'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { StateMark } from '@/ui/StateMark'
import { Attempts } from './Attempts'
import { Code } from './Code'
import { Config } from './Config'
import { LogViewer } from './logs/LogViewer'
import { Overview } from './Overview'
import css from './run.module.css'
import { Slots } from './Slots'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
const PANES = [
  ['overview', 'Overview'],
  ['logs', 'Logs'],
  ['attempts', 'Attempts'],
  ['data', 'Data'],
  ['config', 'Config'],
  ['code', 'Code'],
] as const

/** All about one step, beside the others; `[` and `]` go to its neighbours. */
export function StepPanel({ run, step }: { run: Run; step: Step }) {
  const { pane = 'overview' } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <aside className={css.panel} aria-label={`Step ${step.stepId}`}>
      <header className={css.panelHead}>
        <h2 className={css.panelTitle}>{step.stepId}</h2>
        <StateMark state={step.state} />
        <Button
          kind="quiet"
          size="small"
          aria-label="Close the step"
          onClick={() => void navigate({ search: (now) => ({ ...now, step: undefined, pane: undefined }) })}
        >
          <Icon name="close" />
        </Button>
      </header>
      <Tabs.Root
        value={pane}
        onValueChange={(value) =>
          void navigate({ search: (now) => ({ ...now, pane: value }), replace: true })
        }
        className={css.tabs}
      >
        <Tabs.List className={css.tabList} aria-label="About the step">
          {PANES.map(([id, label]) => (
            <Tabs.Trigger key={id} value={id} className={css.tab}>
              {label}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="overview" className={css.pane}>
          <Overview step={step} />
        </Tabs.Content>
        <Tabs.Content value="logs" className={css.logPane}>
          {step.logStream ? (
            <LogViewer key={step.logStream} run={run} stream={step.logStream} />
          ) : (
            <p className="quiet">Nothing was written yet.</p>
          )}
        </Tabs.Content>
        <Tabs.Content value="attempts" className={css.pane}>
          <Attempts step={step} />
        </Tabs.Content>
        <Tabs.Content value="data" className={css.pane}>
          <Slots step={step} />
        </Tabs.Content>
        <Tabs.Content value="config" className={css.pane}>
          <Config run={run} step={step} />
        </Tabs.Content>
        <Tabs.Content value="code" className={css.pane}>
          <Code run={run} step={step} />
        </Tabs.Content>
      </Tabs.Root>
    </aside>
  )
}
