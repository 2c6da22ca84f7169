import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { GraphFlow } from '@/ui/graph/GraphFlow'
import { lookOf } from '@/ui/states'
import css from '../run.module.css'
import { type GraphNode, graphOf } from './graphOf'
import { StepNode } from './StepNode'
import type { DrawnStep } from './useGraph'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')
const TYPES = { box: StepNode }
const nameOf = ({ label, state }: GraphNode) => `${label}: ${lookOf(state).word}`
const DONE = 'done'

type Props = { steps: DrawnStep[]; chosen: string | undefined; onOpen: (stepId: string) => void }

/** The steps of a run as a graph; the table beside says the same. */
export function RunGraph({ steps, chosen, onOpen }: Props) {
  const { direction, hide, opened = '' } = route.useSearch()
  const navigate = route.useNavigate()
  const isHiding = hide === DONE
  const graph = useMemo(
    () => graphOf(steps, { opened: opened.split(','), isHiding }),
    [steps, opened, isHiding],
  )
  const change = (to: { direction?: string; hide?: string | undefined; opened?: string | undefined }) =>
    void navigate({ search: (now) => ({ ...now, ...to }), replace: true })
  function open(id: string) {
    const isGroup = !!graph.nodes.find((node) => node.id === id)?.isGroup
    if (isGroup) change({ opened: [...opened.split(',').filter(Boolean), id].join(',') })
    else onOpen(id)
    return isGroup
  }

  return (
    <div className={css.graph}>
      <div className={css.tools}>
        <Button
          size="small"
          aria-pressed={isHiding}
          onClick={() => change({ hide: isHiding ? undefined : DONE })}
        >
          Hide what went well
        </Button>
        {opened && (
          <Button size="small" onClick={() => change({ opened: undefined })}>
            Close the groups
          </Button>
        )}
      </div>
      {graph.nodes.length === 0 ? (
        <EmptyState icon="check" title="All steps went well" />
      ) : (
        <GraphFlow
          graph={graph}
          types={TYPES}
          label="Graph of the steps"
          nameOf={nameOf}
          chosen={chosen}
          onOpen={open}
          direction={direction === 'TB' ? 'TB' : 'LR'}
          onTurn={(to) => change({ direction: to })}
        />
      )}
    </div>
  )
}
