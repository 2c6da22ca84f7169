import type { Step } from '@contract/workspace'
import { useMemo } from 'react'
import { GraphFlow } from '@/ui/graph/GraphFlow'
import type { Direction } from '@/ui/graph/useLayout'
import { lookOf } from '@/ui/states'
import { type GraphNode, graphOf } from './graphOf'
import { StepNode } from './StepNode'

const TYPES = { box: StepNode }
const nameOf = ({ label, state }: GraphNode) => `${label}: ${lookOf(state).word}`

type Props = {
  steps: Step[]
  chosen: string | undefined
  onOpen: (stepId: string) => void
  direction: Direction
  onTurn: (direction: Direction) => void
}

/** The steps of a run as a graph; the table beside says the same. */
export function RunGraph({ steps, ...rest }: Props) {
  const graph = useMemo(() => graphOf(steps), [steps])
  return <GraphFlow graph={graph} types={TYPES} label="Graph of the steps" nameOf={nameOf} {...rest} />
}
