// The graph of a run as it is drawn: its steps, with what would be a wall of boxes in one.
import type { Graph, GraphEdge } from '@/ui/graph/useLayout'
import { shortState } from '@/ui/states'
import { groupBy } from '../groupBy'
import type { DrawnStep } from './useGraph'

export type GraphNode = {
  id: string
  label: string
  state: string
  /** Steps in each state, where the node stands for several. */
  counts: { [state: string]: number }
  /** Whether it stands for several steps, and opens to them. */
  isGroup: boolean
}

export type GraphView = {
  /** Groups that are drawn step by step, by the id of their first. */
  opened?: string[]
  /** Leave out what needs nobody's eyes any more. */
  isHiding?: boolean
}

// More that have the same neighbours are one node.
export const MOST_ALIKE = 50
// What several steps are as one: the first of these that any of them is.
const GRAVEST = [
  'FAILED',
  'RETRYING',
  'RUNNING',
  'PROVISIONING',
  'STOPPING',
  'PAUSED',
  'PENDING',
  'STOPPED',
  'SUCCEEDED',
  'CACHED',
  'SKIPPED',
]

// What went well, or was not needed.
const DONE = ['SUCCEEDED', 'CACHED', 'SKIPPED']

export function graphOf(
  steps: DrawnStep[],
  { opened = [], isHiding = false }: GraphView = {},
): Graph<GraphNode> {
  const graph = wholeOf(steps, opened)
  return isHiding ? without(graph, isDone) : graph
}

function wholeOf(steps: DrawnStep[], opened: string[]): Graph<GraphNode> {
  const items = groupBy(
    steps.filter((step) => step.mapGroup),
    (step) => step.mapGroup,
  )
  const own = steps.filter((step) => !step.mapGroup)
  const homes = new Map<string, string>()
  const nodes: GraphNode[] = []
  for (const alike of groupBy(own, shapeIn(own)).values()) {
    const isGroup = alike.length > MOST_ALIKE && !opened.includes(alike[0]?.stepId ?? '')
    for (const group of isGroup ? [alike] : alike.map((step) => [step])) {
      const node = nodeOf(group, items)
      nodes.push(node)
      for (const step of group) homes.set(step.stepId, node.id)
    }
  }
  return { nodes, edges: edgesOf(own, homes) }
}

/** Whom a step waits for, and who waits for it. */
function shapeIn(steps: DrawnStep[]): (step: DrawnStep) => string {
  const downstream = new Map<string, string[]>()
  for (const step of steps)
    for (const id of step.upstream) {
      const known = downstream.get(id)
      if (known) known.push(step.stepId)
      else downstream.set(id, [step.stepId])
    }
  const text = (ids: string[] = []) => ids.toSorted().join(' ')
  return (step) => `${text(step.upstream)}|${text(downstream.get(step.stepId))}`
}

function nodeOf(group: DrawnStep[], items: Map<string, DrawnStep[]>): GraphNode {
  const [first] = group as [DrawnStep]
  const members = group.length > 1 ? group : (items.get(first.stepId) ?? [])
  const counts: { [state: string]: number } = {}
  for (const { state } of members) counts[shortState(state)] = (counts[shortState(state)] ?? 0) + 1
  const state = group.length > 1 ? gravest(counts) : shortState(first.state)
  const label = group.length > 1 ? `${group.length} steps like ${first.stepId}` : first.stepId
  return { id: first.stepId, label, state, counts, isGroup: group.length > 1 }
}

function isDone({ state, counts }: GraphNode): boolean {
  return DONE.includes(state) && Object.keys(counts).every((each) => DONE.includes(each))
}

/** The rest of a graph: what waited for a node that is left out is drawn behind what that waited for. */
function without({ nodes, edges }: Graph<GraphNode>, isLeftOut: (node: GraphNode) => boolean) {
  const shown = nodes.filter((node) => !isLeftOut(node))
  const ids = new Set(shown.map(({ id }) => id))
  const sources = groupBy(edges, ({ target }) => target)
  const known = new Map<string, Set<string>>()
  function shownBefore(id: string): Set<string> {
    const found = known.get(id) ?? new Set()
    if (known.has(id)) return found
    known.set(id, found)
    for (const { source } of sources.get(id) ?? [])
      for (const each of ids.has(source) ? [source] : shownBefore(source)) found.add(each)
    return found
  }
  const kept = shown.flatMap(({ id: target }) =>
    [...shownBefore(target)].map((source) => ({ id: `${source}>${target}`, source, target })),
  )
  return { nodes: shown, edges: kept }
}

function gravest(counts: { [state: string]: number }): string {
  return GRAVEST.find((state) => counts[state]) ?? 'PENDING'
}

function edgesOf(steps: DrawnStep[], homes: Map<string, string>): GraphEdge[] {
  const edges = new Map<string, GraphEdge>()
  for (const step of steps) {
    const target = homes.get(step.stepId)
    for (const upstream of step.upstream) {
      const source = homes.get(upstream)
      if (!source || !target || source === target) continue
      const id = `${source}>${target}`
      edges.set(id, { id, source, target })
    }
  }
  return [...edges.values()]
}
