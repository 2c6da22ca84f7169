import type { Step } from '@contract/workspace'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { isTyping } from '@/app/useShortcuts'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

/** `[` and `]` open the step before and after the one that is open, `l` its log, or those of the run. */
export function useStepKeys(steps: Pick<Step, 'stepId'>[]): void {
  const { step: chosen } = route.useSearch()
  const navigate = route.useNavigate()
  const latest = useRef({ steps, chosen })
  latest.current = { steps, chosen }
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return
      const by = { '[': -1, ']': 1 }[event.key]
      const to = by && neighbour(latest.current.steps, latest.current.chosen, by)
      if (to) void navigate({ search: (now) => ({ ...now, step: to }), replace: true })
      else if (event.key === 'l')
        void navigate({
          search: (now) => (now.step ? { ...now, pane: 'logs' } : { ...now, view: 'logs' }),
        })
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [navigate])
}

/** Beyond either end there is none; where none is open, the first is next. */
function neighbour(
  steps: Pick<Step, 'stepId'>[],
  chosen: string | undefined,
  by: number,
): string | undefined {
  const at = steps.findIndex((step) => step.stepId === chosen)
  return at < 0 ? steps[0]?.stepId : steps[at + by]?.stepId
}
