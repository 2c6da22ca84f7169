import { GraphFlow } from '@/ui/graph/GraphFlow'
import type { Direction, Graph } from '@/ui/graph/useLayout'
import { LineageBox } from './LineageBox'
import type { LineageNode } from './lineageOf'

const TYPES = { box: LineageBox }
const nameOf = ({ label, isStep, detail }: LineageNode) =>
  isStep ? `Step ${label} of ${detail}` : `Version ${label}`

type Props = {
  graph: Graph<LineageNode>
  chosen: string
  onOpen: (name: string) => void
  direction: Direction
  onTurn: (direction: Direction) => void
}

export function LineageGraph(props: Props) {
  return <GraphFlow types={TYPES} label="Graph of the lineage" nameOf={nameOf} {...props} />
}
